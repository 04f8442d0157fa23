"""Errors of the core as failures of a step: bounded, without secrets, and retried if that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import RetryPolicy

from delembic.errors import (
    DatabaseUnavailableError,
    DelembicError,
    LockTimeoutError,
    MigrationBlockedError,
    MigrationFailedError,
    SchemaNotReadyError,
    SettingError,
)
from delembic_dagster import DelembicProject
from delembic_dagster.steps.failures import step_failure
from support.dagster_location import Location
from support.projects import ProjectFolder

ANY = Path("any.ini")


def test_an_error_of_any_length_is_bounded_and_the_rest_is_in_the_audit_log(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration("D001", "raise ValueError('the beginning' + 'x' * 1_000_000)")

    ran = sqlite_location.run()

    failure = ran.failure("D001")
    assert failure.metadata["error"] == f"ValueError: the beginning{'x' * 287}…"
    assert "Correct the migration" in failure.description
    assert len(failure.description) < 5_000
    assert len(failure.error) < 12_000
    assert len(failure.metadata["traceback"]) < 4_100


def test_a_file_that_cannot_be_imported_is_reported_with_its_traceback(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration("D001", head="import a_package_that_is_not_there")

    failure = sqlite_location.run().failure("D001")

    assert failure.metadata["status"] == "not_run"
    assert 'D001.py", line 4' in failure.metadata["traceback"]
    assert "import a_package_that_is_not_there" in failure.metadata["traceback"]


def test_a_traceback_contains_no_password(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration("D001", "int('mysql://ann:open-sesame@db/x')")

    ran = sqlite_location.run()

    assert "mysql://ann:***@db/x" in ran.failure("D001").metadata["traceback"]
    assert "open-sesame" not in str([*sqlite_location.instance.all_logs(ran.run_id)])


def test_a_failure_raised_by_a_migration_keeps_its_own_metadata(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration(
        "D001",
        "raise Failure('no file', metadata={'path': '/data/a.csv'}, allow_retries=False)",
        head="from dagster import Failure",
    )

    ran = sqlite_location.run(retry_policy=RetryPolicy(max_retries=1))

    failure = ran.failure("D001")
    assert "D001 failed in upgrade: Failure: no file" in failure.description
    assert failure.metadata["path"] == "/data/a.csv"
    assert sqlite_location.folder.statuses() == ["failed"]


def test_a_removed_file_is_reported_with_the_remedy(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    definitions = sqlite_location.definitions()
    (sqlite_location.folder.versions / "D001.py").unlink()

    ran = sqlite_location.run_definitions(definitions)

    description = ran.failure("D001").description
    assert "D001.py: cannot be read: No such file" in description
    assert "moved or removed on purpose, reload the code location." in description


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (MigrationFailedError("D1", "upgrade", "x"), True),
        (MigrationBlockedError("D1", ["D0"]), False),
        (LockTimeoutError("D1", "ann", 1), True),
        (DatabaseUnavailableError("sqlite://", "x"), True),
        (SettingError(ANY, "delembic", "lock", "x"), False),
        (SchemaNotReadyError({"S1": ["D1"]}, ANY), False),
    ],
)
def test_only_errors_that_may_pass_are_retried(
    files: ProjectFolder, error: DelembicError, helps: bool
) -> None:
    files.migration("D1")
    revision = DelembicProject(files.root).graph["D1"]

    assert step_failure(error, revision, None).allow_retries is helps
