"""All migrations in one step, with the same reports as when each has a step of its own."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import AssetCheckKey, AssetCheckSeverity, DagsterInstance, RetryPolicy

from delembic_dagster import DelembicProject, build_delembic_assets
from delembic_dagster.testing import JobRun
from support.dagster_location import Location, key
from support.projects import ProjectFolder

STEP = "delembic_migrations"


def run(location: Location, *revisions: str, **options: Any) -> JobRun:
    return location.run(*revisions, mode="single_step", **options)


def test_each_migration_is_an_asset_with_its_check_all_in_one_step(location: Location) -> None:
    location.inserting("D002", "D001", validate="pass")
    location.inserting("D001")

    ran = run(location)

    assert ran.started() == [STEP]
    assert location.inserted() == ["D001", "D002"]
    told = ran.materialized()
    assert [*told] == ["D001", "D002"]
    assert [each["status"] for each in told.values()] == ["applied", "applied"]
    assert ran.checks() == [("D002", True)]
    assert {row.executor_run_id for row in location.folder.attempts()} == {ran.run_id}


def test_applied_migrations_are_reported_as_already_applied(location: Location) -> None:
    location.inserting("D001")
    location.inserting("D002", "D001")
    location.folder.upgrade("D001")

    told = run(location).materialized()

    assert told["D001"]["status"] == "already_applied"
    assert told["D002"]["status"] == "applied"
    assert location.inserted() == ["D001", "D002"]


def test_a_failure_blocks_its_descendants_and_nothing_else(location: Location) -> None:
    location.folder.migration("D001", "1/0")
    location.inserting("D002", "D001")
    location.inserting("D003", "D002")
    location.inserting("D004")

    ran = run(location)

    assert ran.failed() == {"D001"}
    assert [*ran.materialized()] == ["D004"]
    assert location.inserted() == ["D004"]
    told = ran.failure("D001")
    assert "D001 failed in upgrade: ZeroDivisionError" in told.description
    assert "Not run: D002 (waits for D001), D003 (waits for D002)." in told.description
    assert (told.metadata["failed"], told.metadata["not_run"]) == (["D001"], ["D002", "D003"])
    assert told.metadata["history_id"] == location.folder.attempts("D001")[0].id
    assert location.folder.statuses() == ["failed", "success"]


def test_several_failures_are_all_reported(sqlite_location: Location) -> None:
    sqlite_location.folder.migration("D001", "1/0")
    sqlite_location.folder.migration("D002", "raise ValueError('no')")

    told = run(sqlite_location).failure("D001")

    assert told.metadata["failed"] == ["D001", "D002"]
    assert "ZeroDivisionError" in told.description
    assert "ValueError: no" in told.description


def test_a_single_failure_is_reported_as_in_a_step_of_its_own(sqlite_location: Location) -> None:
    sqlite_location.folder.migration("D001", "1/0")

    told = run(sqlite_location).failure("D001")

    assert told.description.startswith("D001 failed in upgrade: ZeroDivisionError")
    assert told.metadata["revision"] == "D001"
    assert "failed" not in told.metadata


def test_a_failed_validate_fails_its_check_and_materializes_nothing(location: Location) -> None:
    location.inserting("D001", validate="assert 1 == 2")
    location.inserting("D002", validate="pass")

    ran = run(location)

    assert [*ran.materialized()] == ["D002"]
    assert ran.checks() == [("D001", False), ("D002", True)]
    assert location.inserted() == ["D002"]


def test_some_migrations_can_be_run_without_the_others(sqlite_location: Location) -> None:
    for revision in ("D001", "D002", "D003"):
        sqlite_location.inserting(revision, validate="pass")

    ran = run(sqlite_location, "D001", "D003")

    assert [*ran.materialized()] == ["D001", "D003"]
    assert ran.checks() == [("D001", True), ("D003", True)]


def test_when_the_database_cannot_be_reached_the_rest_is_not_attempted(
    files: ProjectFolder, instance: DagsterInstance
) -> None:
    for revision in ("D001", "D002", "D003"):
        files.migration(revision)

    told = run(Location(files, instance)).failure("D001")

    assert told.description.count("Cannot connect to") == 1
    assert told.metadata["failed"] == ["D001"]
    assert told.metadata["not_run"] == ["D002", "D003"]


def test_a_retry_continues_from_the_failure(sqlite_location: Location) -> None:
    flag = str(sqlite_location.folder.root / "flag")
    sqlite_location.inserting("D001")
    sqlite_location.folder.migration(
        "D002", f"if not os.path.exists({flag!r}): open({flag!r}, 'w').close(); 1/0"
    )

    ran = run(sqlite_location, retry_policy=RetryPolicy(max_retries=1))

    assert ran.success
    assert sqlite_location.folder.statuses() == ["success", "failed", "success"]


def test_a_failure_that_a_retry_cannot_help_is_not_retried(sqlite_location: Location) -> None:
    for revision in ("D001", "D002"):
        sqlite_location.folder.migration(revision, head="import a_package_that_is_not_there")

    ran = run(sqlite_location, retry_policy=RetryPolicy(max_retries=3))

    assert ran.failed() == {"D001", "D002"}
    assert ran.started() == [STEP]
    assert ran.failure("D002").metadata["failed"] == ["D001", "D002"]


def test_a_step_is_retried_if_that_can_help_one_of_its_failures(sqlite_location: Location) -> None:
    sqlite_location.folder.migration("D001", head="import a_package_that_is_not_there")
    sqlite_location.folder.migration("D002", "1/0")

    run(sqlite_location, retry_policy=RetryPolicy(max_retries=2))

    assert sqlite_location.folder.statuses("D002") == ["failed", "failed", "failed"]


def check_alone(location: Location, *revisions: str) -> JobRun:
    """Run the checks `validate` without their assets, as Dagster allows."""
    checks = {AssetCheckKey(key(revision), "validate") for revision in revisions}
    job = location.definitions(mode="single_step").resolve_implicit_global_asset_job_def()
    subset = job.get_subset(asset_selection=set(), asset_check_selection=checks)
    return JobRun(subset.execute_in_process(instance=location.instance, raise_on_error=False))


def test_a_check_without_its_migration_is_reported_again_and_nothing_is_run(
    location: Location,
) -> None:
    location.inserting("D001", validate="pass")
    location.inserting("D002", validate="pass")
    location.inserting("D003", validate="pass")
    run(location, "D001", "D002")
    location.inserting("D002", validate="1/0")
    attempts = location.folder.attempts()

    ran = check_alone(location, "D001", "D002", "D003")

    assert ran.success
    assert ran.checks() == [("D001", True), ("D002", False)]
    told, unknown = ran.result.get_asset_check_evaluations()
    assert told.description == "It was validated when it was applied; nothing was run this time."
    assert unknown.severity == AssetCheckSeverity.WARN
    assert ran.materialized() == {}
    assert location.inserted() == ["D001", "D002"]
    assert location.folder.attempts() == attempts


def test_a_check_without_its_migration_needs_the_database(
    files: ProjectFolder, instance: DagsterInstance
) -> None:
    files.migration("D001", validate="pass")

    ran = check_alone(Location(files, instance), "D001")

    data = ran.result.failure_data_for_node(STEP)
    assert data and data.user_failure_data
    assert "Cannot connect to" in str(data.user_failure_data.description)


def test_a_project_without_migrations_has_no_step(files: ProjectFolder) -> None:
    assert build_delembic_assets(DelembicProject(files.root), mode="single_step") == []


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_two_selections_of_one_project_can_share_a_job(
    sqlite_location: Location, mode: Any
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001")
    project = sqlite_location.project
    parts = [
        *build_delembic_assets(project, mode=mode, select="D001", name="first"),
        *build_delembic_assets(project, mode=mode, select="D002", name="second"),
    ]

    ran = sqlite_location.run_assets(parts)

    assert [*ran.materialized()] == ["D001", "D002"]
