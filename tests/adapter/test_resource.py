"""Migrations run from the body of a user's op or asset."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    Definitions,
    EnvVar,
    JobDefinition,
    Nothing,
    OpExecutionContext,
    Out,
    asset,
    build_op_context,
    define_asset_job,
    job,
    multi_asset,
    op,
)

from delembic.errors import UnknownRevisionError
from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicResource,
    DelembicTranslatorData,
    build_delembic_asset_specs,
)
from delembic_dagster.testing import JobRun
from support.dagster_location import Location, key
from support.projects import GATES, ProjectFolder


def op_job(body: Any, resource: DelembicResource) -> JobDefinition:
    @op(out=Out(Nothing))
    def migrate(context: OpExecutionContext, delembic: DelembicResource) -> Iterator[Any]:
        yield from body(context, delembic)

    @job(resource_defs={"delembic": resource})
    def nightly() -> None:
        migrate()

    return nightly


def run_job(location: Location, nightly: JobDefinition) -> JobRun:
    return JobRun(nightly.execute_in_process(instance=location.instance, raise_on_error=False))


def asset_definitions(location: Location, *assets: Any) -> Definitions:
    return Definitions(
        assets=assets,
        jobs=[define_asset_job("delembic_upgrade", "*")],
        resources={"delembic": DelembicResource(project=location.project)},
    )


def test_upgrade_in_an_op_runs_what_is_pending_and_records_it(location: Location) -> None:
    location.inserting("D001")
    location.inserting("D002", "D001")
    location.inserting("D003", "D002")
    location.folder.upgrade("D001")

    nightly = op_job(
        lambda context, delembic: delembic.upgrade(context),
        DelembicResource(project=location.project),
    )
    ran = run_job(location, nightly)

    assert ran.success
    assert location.inserted() == ["D001", "D002", "D003"]
    assert list(ran.materialized()) == ["D002", "D003"]
    row = location.folder.attempts("D003")[0]
    assert (row.executor, row.executor_run_id) == ("dagster", ran.run_id)
    assert ran.materialized()["D003"]["history_id"] == row.id
    event = location.instance.get_latest_materialization_event(key("D003"))
    assert event
    assert event.asset_materialization
    tags = event.asset_materialization.tags or {}
    assert tags["dagster/data_version"] == location.folder.checksum("D003")
    assert run_job(location, nightly).materialized() == {}


def test_upgrade_in_an_op_can_be_limited_to_selected_migrations(sqlite_location: Location) -> None:
    for revision in ("D001", "D002", "D003"):
        sqlite_location.inserting(revision)
    sqlite_location.folder.upgrade("D001")

    ran = run_job(
        sqlite_location,
        op_job(
            lambda context, delembic: delembic.upgrade(
                context, select=["upto:D002", "D001", "pending"]
            ),
            DelembicResource(project=sqlite_location.project),
        ),
    )

    assert [*ran.materialized()] == ["D002"]


@pytest.mark.parametrize(
    ("select", "expected"), [([], []), ("pending", ["D001", "D002"]), ("head", ["D001", "D002"])]
)
def test_upgrade_in_an_op_with_an_empty_selection_runs_nothing(
    sqlite_location: Location, select: Any, expected: list[str]
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001")

    nightly = op_job(
        lambda context, delembic: delembic.upgrade(context, select=select),
        DelembicResource(project=sqlite_location.project),
    )
    ran = run_job(sqlite_location, nightly)

    assert ran.success
    assert [*ran.materialized()] == expected


def test_a_test_can_call_an_op_as_a_function(sqlite_location: Location) -> None:
    @op(out=Out(Nothing))
    def migrate(context: OpExecutionContext, delembic: DelembicResource) -> Iterator[Any]:
        yield from delembic.upgrade(context)

    sqlite_location.inserting("D001")

    with build_op_context() as context:
        [*migrate(context, delembic=DelembicResource(sqlite_location.project))]

    (row,) = sqlite_location.folder.attempts()
    assert (row.status, row.executor, row.executor_run_id) == ("success", "dagster", None)


@pytest.mark.parametrize("name", ["D1", "head"])
def test_apply_rejects_an_unknown_revision(sqlite_location: Location, name: str) -> None:
    sqlite_location.inserting("D001")

    nightly = op_job(
        lambda context, delembic: delembic.apply(context, name),
        DelembicResource(project=sqlite_location.project),
    )

    with pytest.raises(UnknownRevisionError, match=f"no revision '{name}'"):
        nightly.execute_in_process(instance=sqlite_location.instance)


def test_upgrade_in_an_op_continues_with_what_does_not_depend_on_a_failure(
    location: Location,
) -> None:
    location.inserting("D001")
    location.folder.migration("D002", "1/0")
    location.inserting("D003")
    location.inserting("D004", "D002")
    location.inserting("D005", "D004")

    ran = run_job(
        location,
        op_job(
            lambda context, delembic: delembic.upgrade(context),
            DelembicResource(project=location.project),
        ),
    )

    assert not ran.success
    assert list(ran.materialized()) == ["D001", "D003"]
    assert location.inserted() == ["D001", "D003"]
    data = ran.result.failure_data_for_node("migrate")
    assert data
    assert data.user_failure_data
    description = str(data.user_failure_data.description)
    assert "D002 failed in upgrade: ZeroDivisionError" in description
    assert "Not run: D004 (waits for D002), D005 (waits for D004)." in description
    assert location.folder.statuses() == ["success", "failed", "success"]


def test_results_of_an_op_are_yielded_as_each_migration_ends(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002")
    seen: list[list[str]] = []

    def watching(context: Any, delembic: DelembicResource) -> Iterator[Any]:
        for result in delembic.upgrade(context):
            seen.append(sqlite_location.inserted())
            yield result

    run_job(sqlite_location, op_job(watching, DelembicResource(project=sqlite_location.project)))

    assert seen == [["D001"], ["D001", "D002"]]


def test_apply_in_an_op_runs_one_migration_under_the_translators_key(
    sqlite_location: Location,
) -> None:
    class Mine(DagsterDelembicTranslator):
        def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
            return AssetSpec(["mine", data.revision.id])

    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002")

    ran = run_job(
        sqlite_location,
        op_job(
            lambda context, delembic: delembic.apply(context, "D002", translator=Mine()),
            DelembicResource(project=sqlite_location.project),
        ),
    )

    assert ran.success
    assert sqlite_location.inserted() == ["D002"]
    assert sqlite_location.instance.get_latest_materialization_event(AssetKey(["mine", "D002"]))


def test_apply_in_an_op_records_nothing_for_an_applied_migration(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.folder.upgrade()

    ran = run_job(
        sqlite_location,
        op_job(
            lambda context, delembic: delembic.apply(context, "D001"),
            DelembicResource(project=sqlite_location.project),
        ),
    )

    assert ran.success
    assert ran.materialized() == {}
    assert sqlite_location.inserted() == ["D001"]


def test_upgrade_in_a_multi_asset_runs_what_is_selected(location: Location) -> None:
    location.inserting("D001", validate="pass")
    location.inserting("D002", "D001")
    location.inserting("D003", "D002")

    @multi_asset(specs=build_delembic_asset_specs(location.project), can_subset=True)
    def migrations(context: AssetExecutionContext, delembic: DelembicResource) -> Iterator[Any]:
        yield from delembic.upgrade(context)

    definitions = asset_definitions(location, migrations)
    some = location.run_definitions(definitions, "D001", "D002")
    everything = location.run_definitions(definitions)

    assert list(some.materialized()) == ["D001", "D002"]
    assert [m["status"] for m in everything.materialized().values()] == [
        "already_applied",
        "already_applied",
        "applied",
    ]
    assert location.inserted() == ["D001", "D002", "D003"]


def test_a_multi_asset_keeps_what_was_applied_before_a_failure(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001", validate="assert False")

    @multi_asset(specs=build_delembic_asset_specs(sqlite_location.project))
    def migrations(context: AssetExecutionContext, delembic: DelembicResource) -> Iterator[Any]:
        yield from delembic.upgrade(context)

    ran = sqlite_location.run_definitions(asset_definitions(sqlite_location, migrations))

    assert not ran.success
    assert list(ran.materialized()) == ["D001"]


def test_apply_in_a_users_asset_materializes_that_asset(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001", validate="pass")

    @asset
    def colours(context: AssetExecutionContext, delembic: DelembicResource) -> Iterator[Any]:
        yield from delembic.apply(context, "D001")

    ran = sqlite_location.run_definitions(asset_definitions(sqlite_location, colours))

    assert ran.success
    (event,) = ran.result.get_asset_materialization_events()
    assert event.asset_key == colours.key
    assert ran.materialized()["D001"]["status"] == "applied"


@pytest.mark.parametrize("method", ["upgrade", "apply"])
def test_an_asset_that_represents_no_migration_runs_none(
    sqlite_location: Location, method: str
) -> None:
    sqlite_location.inserting("D001")

    @multi_asset(specs=[AssetSpec("a"), AssetSpec("b")])
    def others(context: AssetExecutionContext, delembic: DelembicResource) -> Iterator[Any]:
        yield from (
            delembic.upgrade(context) if method == "upgrade" else delembic.apply(context, "D001")
        )

    ran = sqlite_location.run_definitions(asset_definitions(sqlite_location, others))

    data = ran.result.failure_data_for_node("others")
    assert data
    assert data.error
    assert "This asset represents no migration" in data.error.to_string()
    assert sqlite_location.inserted() == []


def test_an_unknown_revision_is_named_in_the_error(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")

    ran = run_job(
        sqlite_location,
        op_job(
            lambda context, delembic: delembic.apply(context, "D01"),
            DelembicResource(project=sqlite_location.project),
        ),
    )

    data = ran.result.failure_data_for_node("migrate")
    assert data
    assert data.error
    assert "Did you mean 'D001'" in data.error.to_string()


def test_the_project_can_come_from_the_environment(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_location.inserting("D001")
    monkeypatch.setenv("DELEMBIC_TEST_PROJECT", str(sqlite_location.folder.root))

    ran = run_job(
        sqlite_location,
        op_job(
            lambda context, delembic: delembic.upgrade(context),
            DelembicResource(project=EnvVar("DELEMBIC_TEST_PROJECT")),
        ),
    )

    assert ran.success
    assert sqlite_location.inserted() == ["D001"]


def test_a_project_with_another_section_keeps_its_section(files: ProjectFolder) -> None:
    project = DelembicProject(files.root, section="mart")

    resource = DelembicResource(project=project)

    assert (resource.project, resource.section) == (str(files.root), "mart")


def test_the_resource_can_wait_less_than_the_ini_file_sets(sqlite_location: Location) -> None:
    sqlite_location.folder.migration(
        "D001", "GATES['taken'].set(); assert GATES['given up'].wait(PATIENCE_SECONDS)"
    )
    resource = DelembicResource(project=sqlite_location.project, lock_timeout_seconds=0)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(sqlite_location.folder.upgrade)
        assert GATES["taken"].wait(30)
        ran = run_job(
            sqlite_location, op_job(lambda context, delembic: delembic.upgrade(context), resource)
        )
        GATES["given up"].set()
        first.result()

    data = ran.result.failure_data_for_node("migrate")
    assert data
    assert data.user_failure_data
    assert "gave up after waiting 0 s" in str(data.user_failure_data.description)
