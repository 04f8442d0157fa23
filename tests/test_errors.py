"""Every error is made from facts, says what is wrong, and knows the remedy and the exit code."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from delembic import errors
from delembic.errors import (
    ConfigurationError,
    DataDriftedError,
    DefinitionError,
    DelembicError,
    LockLostError,
    LockTimeoutError,
    MigrationBlockedError,
    MigrationFailedError,
    MigrationPausedError,
    NotAcceptableError,
    NotBatchedError,
    NotVerifiableError,
    OtherBatchesError,
    SchemaNotReadyError,
    TimeIsUpError,
    UnfitBatchesError,
    UnknownDependencyError,
    VerificationCutOffError,
    render_path,
)

EVERY = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DelembicError)
]


@pytest.mark.parametrize("kind", EVERY)
def test_the_exit_code_follows_from_the_kind_of_error(kind: type[DelembicError]) -> None:
    expected = 1
    if issubclass(kind, ConfigurationError | DefinitionError):
        expected = 2
    if issubclass(kind, NotVerifiableError | VerificationCutOffError):
        expected = 2  # of `delembic verify`, 1 says that data has drifted, and nothing else does
    if issubclass(kind, NotAcceptableError):
        expected = 2  # an error in usage: the revision that was named is the wrong one
    if issubclass(kind, UnfitBatchesError | OtherBatchesError | NotBatchedError):
        expected = 2  # refused before anything was done
    if issubclass(kind, MigrationPausedError | TimeIsUpError):
        expected = 3  # there is more to do
    if issubclass(kind, LockTimeoutError | LockLostError):
        expected = 4

    assert kind.exit_code == expected


def test_the_text_is_the_message_and_the_remedy() -> None:
    assert str(DelembicError("It broke.", "Mend it.")) == "It broke.\nMend it."
    assert str(DelembicError("It broke.")) == "It broke."


def test_a_failure_says_where_it_went_wrong_and_what_to_do() -> None:
    error = MigrationFailedError("D001", "validate", "ValueError: bad row")

    assert str(error) == (
        "D001 failed in validate: ValueError: bad row\n"
        "Its work was rolled back and the attempt was recorded. Correct the migration or the data,"
        " then run the upgrade again."
    )


def test_drifted_data_is_told_with_who_expects_something_else() -> None:
    assert DataDriftedError(["D001", "D003"], 7).message == (
        "2 of 7 did not pass: the data is no longer what D001, D003 expect."
    )


def test_a_blocked_migration_names_what_it_waits_for() -> None:
    assert str(MigrationBlockedError("D003", ["D001", "D002"])) == (
        "D003 was not run: it depends on D001, D002, which are not applied yet.\n"
        "Apply D001, D002 first, or run 'delembic upgrade D003', which applies its dependencies"
        " too."
    )


def test_a_lock_that_was_not_obtained_names_its_holder_and_how_long_we_waited() -> None:
    assert str(LockTimeoutError("D001", "ann@db1, pid 7 (cli)", 60.0)) == (
        "The lock of D001 is held by ann@db1, pid 7 (cli); delembic gave up after waiting 60 s.\n"
        "Run the upgrade again when the other run has ended, or wait longer with lock_timeout in"
        " the ini or --lock-timeout."
    )


@pytest.mark.parametrize(
    ("missing", "listed", "target"),
    [
        ({"S001": ["D001", "D002"]}, "  S001, needed by D001, D002", "S001"),
        (
            {"S001": ["D001"], "S002": ["D002"]},
            "  S001, needed by D001\n  S002, needed by D002",
            "heads",
        ),
    ],
)
def test_missing_schema_revisions_come_with_the_command_to_run(
    missing: dict[str, list[str]], listed: str, target: str
) -> None:
    assert str(SchemaNotReadyError(missing, Path("/srv/alembic.ini"))) == (
        f"Nothing was run, because Alembic revisions are not applied:\n{listed}\n"
        f"Run: alembic -c /srv/alembic.ini upgrade {target}"
    )


@pytest.mark.parametrize(
    ("alembic", "text"),
    [
        (
            True,
            "which is neither a delembic nor an Alembic revision. Did you mean 'S001'?\n"
            "Correct depends_on.",
        ),
        (
            False,
            "which is not a revision. Did you mean 'S001'?\n"
            "Correct depends_on, or set alembic_config if it is an Alembic revision.",
        ),
    ],
)
def test_an_unknown_dependency_comes_with_the_nearest_name(alembic: bool, text: str) -> None:
    error = UnknownDependencyError(
        "S01", "D001", Path("/srv/D001.py"), ["D001", "S001"], alembic=alembic
    )

    assert str(error) == f"/srv/D001.py: D001 depends on 'S01', {text}"


def test_a_path_is_shown_from_the_working_folder_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "project"
    below.mkdir()
    monkeypatch.chdir(below)

    assert render_path(below / "delembic.ini") == "delembic.ini"
    assert render_path(tmp_path / "other.ini") == str(tmp_path / "other.ini")
