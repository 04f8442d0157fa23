"""Migrations among a user's other assets: before, between and after them."""

from __future__ import annotations

import pytest
from dagster import AssetsDefinition, Definitions, asset, define_asset_job

from delembic_dagster import build_delembic_assets, get_asset_key_for_revision
from delembic_dagster.assets import Mode
from support.dagster_location import Location


def surrounded(location: Location, mode: Mode) -> Definitions:
    """Two migrations with assets before, between and after them that record what they see."""
    first, second = (get_asset_key_for_revision(location.project, id_) for id_ in ("D001", "D002"))

    def note(name: str) -> None:
        count = len(location.inserted())
        location.folder.execute(f"INSERT INTO t VALUES ('{name} saw {count}')")

    @asset
    def extract() -> None:
        note("extract")

    @asset(deps=[first])
    def between() -> None:
        note("between")

    @asset(deps=[second])
    def report() -> None:
        note("report")

    others: list[AssetsDefinition] = [extract, between, report]
    return Definitions(
        [*others, *build_delembic_assets(location.project, mode=mode)],
        jobs=[define_asset_job("everything", "*")],
    )


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_each_asset_runs_after_everything_upstream_of_it(
    sqlite_location: Location, mode: Mode
) -> None:
    location = sqlite_location
    location.inserting("D001", meta={"dagster": {"deps": ["extract"]}})
    location.inserting("D002", "D001", meta={"dagster": {"deps": ["between"]}})

    run = location.run_definitions(surrounded(location, mode), job="everything")

    assert run.success
    assert location.inserted() == ["extract saw 0", "D001", "between saw 2", "D002", "report saw 4"]


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_migrations_wait_for_an_asset_that_failed(sqlite_location: Location, mode: Mode) -> None:
    location = sqlite_location
    location.inserting("D001", meta={"dagster": {"deps": ["extract"]}})
    location.inserting("D002", "D001")
    definitions = surrounded(location, mode)
    location.folder.execute("DROP TABLE t")

    run = location.run_definitions(definitions, job="everything")

    assert run.failed() == {"extract"}
    assert run.materialized() == {}
