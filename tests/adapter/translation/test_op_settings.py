"""The op settings of a migration, from its class, a translator and the caller."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import AssetsDefinition, Backoff, Jitter, RetryPolicy

from delembic import ConfigurationError
from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicTranslatorData,
    OpSettings,
    build_delembic_assets,
    build_delembic_op_job,
)
from delembic_dagster.errors import DagsterSettingError, TranslationError
from support.batched import write_batched
from support.projects import ProjectFolder


def only_asset(files: ProjectFolder, **options: Any) -> AssetsDefinition:
    (asset,) = build_delembic_assets(DelembicProject(files.root), **options)
    return asset


def test_a_migration_sets_its_own_pool_retry_policy_and_tags(files: ProjectFolder) -> None:
    settings = {
        "pool": "warehouse",
        "retry_policy": {
            "max_retries": 3,
            "delay": 10,
            "backoff": "exponential",
            "jitter": "plus_minus",
        },
        "op_tags": {"dagster-k8s/config": {"container_config": {"resources": {}}}},
    }
    files.migration("D001", meta={"dagster": settings, "somebody else": 1})

    op = only_asset(files).op

    assert op.pool == "warehouse"
    assert op.retry_policy == RetryPolicy(
        max_retries=3, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS
    )
    assert "container_config" in str(op.tags["dagster-k8s/config"])


def test_settings_of_a_migration_override_the_general_ones(files: ProjectFolder) -> None:
    files.migration("D001", meta={"dagster": {"pool": "own", "op_tags": {"a": "own", "b": "own"}}})

    op = only_asset(
        files,
        pool="general",
        retry_policy=RetryPolicy(max_retries=7),
        op_tags={"b": "general", "c": "general"},
    ).op

    assert op.pool == "own"
    assert op.retry_policy == RetryPolicy(max_retries=7)
    assert {name: op.tags[name] for name in "abc"} == {"a": "own", "b": "own", "c": "general"}


def test_a_translator_overrides_the_settings_of_a_migration(files: ProjectFolder) -> None:
    class Slowly(DagsterDelembicTranslator):
        def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
            assert data.spec is not None
            own = super().get_op_settings(data)
            return OpSettings(pool=f"{own.pool}/{data.spec.key.path[-1]}")

    files.migration("D001", meta={"dagster": {"pool": "warehouse"}})

    assert only_asset(files, translator=Slowly()).op.pool == "warehouse/D001"


def test_a_plain_op_has_the_settings_too(files: ProjectFolder) -> None:
    files.migration("D001", meta={"dagster": {"pool": "own", "retry_policy": {"max_retries": 2}}})

    job = build_delembic_op_job(DelembicProject(files.root), op_tags={"a": "b"})

    op = job.graph.node_named("delembic__D001").definition
    assert op.pools == {"own"}
    (node,) = job.nodes
    assert node.tags["a"] == "b"


def test_a_translator_that_returns_anything_else_is_rejected(files: ProjectFolder) -> None:
    class Odd(DagsterDelembicTranslator):
        def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
            return None  # type: ignore[return-value]  # as a user without mypy may

    files.migration("D001")

    with pytest.raises(TranslationError, match="has op settings that are not OpSettings: None"):
        build_delembic_assets(DelembicProject(files.root), translator=Odd())


@pytest.mark.parametrize(
    ("written", "seconds"), [("2h", 7200.0), ("1h30m", 5400.0), (90, 90.0), (0.5, 0.5)]
)
def test_a_migration_in_batches_sets_after_what_time_it_stops(
    files: ProjectFolder, written: float | str, seconds: float
) -> None:
    write_batched(files, stop_after=written)

    (spec,) = only_asset(files).specs

    assert spec.metadata["delembic/stop_after_seconds"] == seconds


@pytest.mark.parametrize("written", ["soon", "-5", "0", -5, True, [2]])
def test_what_is_no_time_after_which_to_stop_is_rejected_with_its_place(
    files: ProjectFolder, written: Any
) -> None:
    write_batched(files, stop_after=written)

    with pytest.raises(DagsterSettingError, match=r"Count\.meta, dagster\.stop_after: ") as raised:
        only_asset(files)

    assert "stop_after (seconds, or a text such as 2h)" in raised.value.remedy


def test_a_migration_that_cannot_stop_before_its_end_is_not_told_when(
    files: ProjectFolder,
) -> None:
    files.migration("D001", meta={"dagster": {"stop_after": "2h"}})

    with pytest.raises(DagsterSettingError, match="Only a BatchedMigration can stop"):
        only_asset(files)


def test_a_translator_can_set_it_for_all_and_only_those_in_batches_stop(
    files: ProjectFolder,
) -> None:
    class Nightly(DagsterDelembicTranslator):
        def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
            return OpSettings(stop_after="2h")

    write_batched(files)
    files.migration("D002")

    first, second = build_delembic_assets(DelembicProject(files.root), translator=Nightly())

    assert next(iter(first.specs)).metadata["delembic/stop_after_seconds"] == 7200.0
    assert "delembic/stop_after_seconds" not in next(iter(second.specs)).metadata


def test_settings_in_code_are_rejected_where_they_are_made() -> None:
    with pytest.raises(ConfigurationError, match=r"OpSettings, stop_after: 'soon' is no length"):
        OpSettings(stop_after="soon")
