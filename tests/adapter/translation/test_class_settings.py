"""The settings for Dagster in a migration's class, valid and invalid."""

from __future__ import annotations

import pytest
from dagster import AssetKey

from delembic_dagster import DelembicProject, build_delembic_asset_specs, build_delembic_assets
from delembic_dagster.errors import DagsterSettingError
from support.projects import ProjectFolder


def test_kinds_are_added_to_those_of_all_migrations(files: ProjectFolder) -> None:
    files.migration("D001", meta={"dagster": {"kinds": ["csv"]}})

    (spec,) = build_delembic_asset_specs(DelembicProject(files.root))

    assert spec.kinds == {"delembic", "postgresql", "csv"}


def test_other_assets_can_be_upstream_in_addition_to_migrations(
    files: ProjectFolder,
) -> None:
    files.migration("D001")
    files.migration("D002", depends_on=("D001",), meta={"dagster": {"deps": ["raw/terms", "fx"]}})

    _, spec = build_delembic_asset_specs(DelembicProject(files.root))

    upstream = [dep.asset_key for dep in spec.deps]
    assert upstream == [AssetKey(["delembic", "D001"]), AssetKey(["raw", "terms"]), AssetKey("fx")]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"pol": "x"}, "dagster.pol: Extra inputs are not permitted"),
        ({"pool": "two words"}, "dagster.pool: String should match"),
        ({"op_tags": {"size": {1, 2}}}, "dagster.op_tags.size: input was not a valid JSON value"),
        ({"pool": 3}, "dagster.pool: Input should be a valid string"),
        (
            {"retry_policy": {"max_retries": "often"}},
            "dagster.retry_policy.max_retries: Input should be a valid integer",
        ),
        (
            {"retry_policy": {"delay": 1, "backoff": "slow"}},
            "dagster.retry_policy.backoff: Input should be 'linear' or 'exponential'",
        ),
        ({"deps": ["raw//terms"]}, "dagster.deps.0: String should match"),
        ({"deps": [""]}, "dagster.deps.0: String should match"),
        ({"deps": "raw/terms"}, "dagster.deps: Input should be a valid tuple"),
        (["pool"], "dagster: Input should be a valid dictionary"),
    ],
)
def test_an_invalid_setting_is_rejected_with_its_place(
    files: ProjectFolder, settings: object, problem: str
) -> None:
    files.migration("D001", meta={"dagster": settings})

    with pytest.raises(DagsterSettingError) as raised:
        build_delembic_assets(DelembicProject(files.root))

    assert f"D001.py:4: MigrationD001.meta, {problem}" in raised.value.message
    assert "kinds, op_tags, pool, retry_policy" in raised.value.remedy
