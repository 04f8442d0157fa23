"""Assets for migrations with a body that the user writes."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, AssetsDefinition, Definitions, define_asset_job

from delembic_dagster import DelembicProject, DelembicResource, delembic_assets
from delembic_dagster.testing import JobRun
from support.dagster_location import Location, key
from support.projects import ProjectFolder


def run(location: Location, assets: AssetsDefinition, *revisions: str) -> JobRun:
    definitions = Definitions(
        [assets],
        jobs=[define_asset_job("delembic_upgrade", "*")],
        resources={"delembic": DelembicResource(location.project)},
    )
    return location.run_definitions(definitions, *revisions)


def vocabulary(location: Location, before: list[str], **options: Any) -> AssetsDefinition:
    @delembic_assets(project=location.project, **options)
    def load_vocabulary(
        context: AssetExecutionContext, delembic: DelembicResource
    ) -> Iterator[Any]:
        before.append("before")
        yield from delembic.upgrade(context)
        before.append("after")

    return load_vocabulary


def test_the_body_is_the_users_and_each_migration_is_reported(location: Location) -> None:
    location.inserting("D001", validate="pass")
    location.inserting("D002", "D001")
    calls: list[str] = []

    ran = run(location, vocabulary(location, calls))

    assert ran.started() == ["load_vocabulary"]
    assert calls == ["before", "after"]
    assert [*ran.materialized()] == ["D001", "D002"]
    assert ran.checks() == [("D001", True)]
    assert location.inserted() == ["D001", "D002"]


def test_the_failure_of_one_migration_does_not_prevent_the_others(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration("D001", "1/0")
    sqlite_location.inserting("D002")

    ran = run(sqlite_location, vocabulary(sqlite_location, []))

    assert ran.failed() == {"D001"}
    assert [*ran.materialized()] == ["D002"]


def test_any_migration_can_be_run_alone(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002")

    ran = run(sqlite_location, vocabulary(sqlite_location, []), "D002")

    assert [*ran.materialized()] == ["D002"]


def test_the_decorator_accepts_a_selection_and_op_settings(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001")

    assets = vocabulary(
        sqlite_location, [], select="D001", name="load", pool="warehouse", op_tags={"a": "b"}
    )

    assert assets.keys == {key("D001")}
    assert (assets.op.name, assets.op.pool, assets.op.tags["a"]) == ("load", "warehouse", "b")


def test_it_is_built_without_the_database_and_without_importing_migrations(
    files: ProjectFolder,
) -> None:
    files.migration("D001", head="raise ImportError('must not be imported')")

    @delembic_assets(project=DelembicProject(files.root))
    def everything(context: AssetExecutionContext) -> None: ...

    assert everything.keys == {key("D001")}
