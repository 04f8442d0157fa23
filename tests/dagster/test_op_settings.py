"""What a migration, a translator and the caller say about the op of a migration."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import AssetsDefinition, Backoff, Jitter, RetryPolicy

from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicTranslatorData,
    OpSettings,
    build_delembic_asset_specs,
    build_delembic_assets,
    build_delembic_op_job,
)
from delembic_dagster.errors import DagsterSettingError, TranslationError
from projects import ProjectFolder

META = """
class LoadTerms(DataMigration):
    revision = "D001"
    depends_on = []
    description = "load terms"
    meta = {meta}

    def upgrade(self, conn):
        raise ImportError("must not be called")
"""


def declare(files: ProjectFolder, meta: str) -> DelembicProject:
    files.write("delembic/versions/D001.py", "from delembic import DataMigration\n" + META)
    path = files.versions / "D001.py"
    path.write_text(path.read_text().replace("{meta}", meta))
    return DelembicProject(files.root)


def only_asset(project: DelembicProject, **options: Any) -> AssetsDefinition:
    (asset,) = build_delembic_assets(project, **options)
    return asset


def test_a_migration_sets_its_own_pool_retries_and_tags(files: ProjectFolder) -> None:
    meta = """{
        "dagster": {
            "pool": "warehouse",
            "retry_policy": {
                "max_retries": 3, "delay": 10, "backoff": "exponential", "jitter": "plus_minus"
            },
            "op_tags": {"dagster-k8s/config": {"container_config": {"resources": {}}}},
        },
        "somebody else": 1,
    }"""

    op = only_asset(declare(files, meta)).op

    assert op.pool == "warehouse"
    assert op.retry_policy == RetryPolicy(
        max_retries=3, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS
    )
    assert "container_config" in str(op.tags["dagster-k8s/config"])


def test_they_go_before_those_of_all(files: ProjectFolder) -> None:
    project = declare(files, '{"dagster": {"pool": "own", "op_tags": {"a": "own", "b": "own"}}}')

    op = only_asset(
        project,
        pool="general",
        retry_policy=RetryPolicy(max_retries=7),
        op_tags={"b": "general", "c": "general"},
    ).op

    assert op.pool == "own"
    assert op.retry_policy == RetryPolicy(max_retries=7)
    assert {name: op.tags[name] for name in "abc"} == {"a": "own", "b": "own", "c": "general"}


def test_a_translator_has_the_last_word(files: ProjectFolder) -> None:
    class Slowly(DagsterDelembicTranslator):
        def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
            assert data.spec is not None
            own = super().get_op_settings(data)
            return OpSettings(pool=f"{own.pool}/{data.spec.key.path[-1]}")

    project = declare(files, '{"dagster": {"pool": "warehouse"}}')

    assert only_asset(project, translator=Slowly()).op.pool == "warehouse/D001"


def test_a_plain_op_has_them_too(files: ProjectFolder) -> None:
    project = declare(files, '{"dagster": {"pool": "own", "retry_policy": {"max_retries": 2}}}')

    job = build_delembic_op_job(project, op_tags={"a": "b"})

    op = job.graph.node_named("delembic__D001").definition
    assert op.pools == {"own"}
    (node,) = job.nodes
    assert node.tags["a"] == "b"


def test_kinds_are_shown_besides_those_of_all(files: ProjectFolder) -> None:
    project = declare(files, '{"dagster": {"kinds": ["csv"]}}')

    (spec,) = build_delembic_asset_specs(project)

    assert spec.kinds == {"delembic", "postgresql", "csv"}


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        ('{"dagster": {"pol": "x"}}', "meta, dagster.pol: Extra inputs are not permitted"),
        ('{"dagster": {"pool": "two words"}}', "meta, dagster.pool: String should match"),
        (
            '{"dagster": {"op_tags": {"size": {1, 2}}}}',
            "meta, dagster.op_tags.size: input was not a valid JSON value",
        ),
        ('{"dagster": {"pool": 3}}', "meta, dagster.pool: Input should be a valid string"),
        (
            '{"dagster": {"retry_policy": {"max_retries": "often"}}}',
            "meta, dagster.retry_policy.max_retries: Input should be a valid integer",
        ),
        (
            '{"dagster": {"retry_policy": {"delay": 1, "backoff": "slow"}}}',
            "meta, dagster.retry_policy.backoff: Input should be 'linear' or 'exponential'",
        ),
        ('{"dagster": ["pool"]}', "meta, dagster: Input should be a valid dictionary"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_with_its_place(
    files: ProjectFolder, meta: str, problem: str
) -> None:
    project = declare(files, meta)

    with pytest.raises(DagsterSettingError) as raised:
        build_delembic_assets(project)

    assert problem in raised.value.message
    assert "D001.py:3: LoadTerms.meta" in raised.value.message
    assert "kinds, op_tags, pool and retry_policy" in raised.value.remedy


def test_a_translator_that_returns_something_else_is_refused(files: ProjectFolder) -> None:
    class Odd(DagsterDelembicTranslator):
        def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
            return None  # type: ignore[return-value]  # as a user without mypy may

    files.migration("D001")

    with pytest.raises(TranslationError, match="has no OpSettings but None"):
        build_delembic_assets(DelembicProject(files.root), translator=Odd())
