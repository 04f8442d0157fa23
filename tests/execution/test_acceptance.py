"""A file can be taken as it is for the one that was applied, and the audit log says who did it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import inspect

from delembic import LogEntry, Program, commands
from delembic.audit.tables import history_table
from delembic.database.opening import open_database
from delembic.errors import LockTimeoutError, NotAcceptableError, UnknownRevisionError
from delembic.events import ignore
from delembic.execution.run import open_run
from support.audit_rows import FAILED, LOADED, MARKS, record, record_as_1
from support.projects import ProjectFolder
from support.servers.backend import Backend


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", backend.url)


@pytest.fixture
def local(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """Where the kind of database makes no difference."""
    return ProjectFolder(tmp_path / "project", sqlite_url)


def _applied_and_edited(project: ProjectFolder, *revisions: str) -> None:
    paths = [project.migration(revision) for revision in revisions]
    project.upgrade()
    for path in paths:
        path.write_text(f"{path.read_text()}# reformatted\n")


def _acceptances(project: ProjectFolder) -> list[LogEntry]:
    return commands.runs(project.config, operation="accept")


def test_an_accepted_file_counts_as_the_one_that_was_applied(project: ProjectFolder) -> None:
    _applied_and_edited(project, "D001")
    before = commands.show(project.config, "D001")

    (accepted,) = commands.accept(project.config, ["D001"])

    after = commands.show(project.config, "D001")
    assert (before.changed, after.changed) == (True, False)
    assert after.applied_checksum == accepted.checksum == project.checksum("D001")
    assert accepted.replaced == before.applied_checksum
    assert after.standing.applied_at == before.standing.applied_at
    assert after.attempts == before.attempts
    assert project.upgrade() == ()


def test_the_audit_log_says_who_accepted_which_checksum(project: ProjectFolder) -> None:
    _applied_and_edited(project, "D001")

    (accepted,) = commands.accept(project.config, ["D001"], program=Program("a deployment"))

    (entry,) = _acceptances(project)
    assert commands.show(project.config, "D001").acceptances == (entry,)
    assert (entry.id, entry.checksum) == (accepted.history_id, project.checksum("D001"))
    assert (entry.executor, entry.username) == ("a deployment", Program().username)
    assert (entry.status, entry.attempt, entry.rows_affected) == ("success", None, None)


def test_an_edit_after_it_counts_as_a_change_again(local: ProjectFolder) -> None:
    _applied_and_edited(local, "D001")
    commands.accept(local.config, ["D001"])
    path = local.versions / "D001.py"
    path.write_text(f"{path.read_text()}# once more\n")

    assert [each.changed for each in commands.history(local.config)] == [True]
    assert commands.accept(local.config, ["D001"])[0].is_new
    assert len(_acceptances(local)) == 2


def test_a_file_that_has_not_changed_leaves_no_entry(local: ProjectFolder) -> None:
    local.migration("D001")
    _applied_and_edited(local, "D002")

    found = commands.accept(local.config, ["D001", "D002", "D001"])

    assert [(each.revision, each.is_new) for each in found] == [("D001", False), ("D002", True)]
    assert [entry.revision for entry in _acceptances(local)] == ["D002"]


def test_a_checksum_that_delembic_1_did_not_store_is_stored(local: ProjectFolder) -> None:
    local.migration("D001")
    record_as_1(local, LOADED, MARKS[0])

    (accepted,) = commands.accept(local.config, ["D001"])

    assert accepted.replaced is None
    assert commands.show(local.config, "D001").changed is False


def test_nothing_is_accepted_if_one_of_them_cannot_be(local: ProjectFolder) -> None:
    _applied_and_edited(local, "D001", "D002", "D003")
    (local.versions / "D002.py").unlink()
    local.migration("D004")

    with pytest.raises(NotAcceptableError) as caught:
        commands.accept(local.config, ["D001", "D002", "D004"])

    assert caught.value.obstacles == {"D002": "its file is gone", "D004": "it is not applied"}
    assert _acceptances(local) == []
    assert commands.show(local.config, "D001").changed


def test_a_revision_that_nobody_knows_is_refused(local: ProjectFolder) -> None:
    _applied_and_edited(local, "D001")

    with pytest.raises(UnknownRevisionError, match="Did you mean 'D001'"):
        commands.accept(local.config, ["D01"])


def test_a_refusal_writes_nothing_to_a_database_that_delembic_never_touched(
    local: ProjectFolder,
) -> None:
    local.migration("D001")

    with pytest.raises(NotAcceptableError):
        commands.accept(local.config, ["D001"])

    with local.connection() as conn:
        assert inspect(conn).get_table_names() == []


def test_one_that_a_run_holds_is_refused(local: ProjectFolder) -> None:
    _applied_and_edited(local, "D001")

    with (
        open_database(local.config) as database,
        open_run(database, local.config, Program(), ignore) as run,
        run.holding("D001"),
        pytest.raises(LockTimeoutError),
    ):
        commands.accept(local.config, ["D001"], lock_timeout_seconds=0)

    assert _acceptances(local) == []


def test_it_is_recorded_where_the_audit_log_is(local: ProjectFolder, tmp_path: Path) -> None:
    local.configure(metadata_url=f"sqlite:///{tmp_path}/log.db")
    _applied_and_edited(local, "D001")

    commands.accept(local.config, ["D001"])

    assert [entry.operation for entry in commands.runs(local.config)] == ["accept", "upgrade"]
    with local.connection() as conn:
        assert not inspect(conn).has_table(history_table.name)


def test_who_follows_the_log_learns_of_it(local: ProjectFolder) -> None:
    _applied_and_edited(local, "D001")
    _, bookmark = commands.runs_since(local.config)
    commands.accept(local.config, ["D001"])

    news, _ = commands.runs_since(local.config, bookmark)
    everything, _ = commands.runs_since(local.config)

    assert [entry.operation for entry in news] == ["accept"]
    assert [entry.operation for entry in everything] == ["upgrade", "accept"]


def test_a_first_reading_of_a_long_log_has_the_attempt_as_well_as_the_acceptance(
    local: ProjectFolder,
) -> None:
    accepted = replace(LOADED, id=2, attempt_id="a-2", operation="accept")
    later = [replace(FAILED, id=id_, attempt_id=f"a-{id_}") for id_ in range(3, 203)]
    record(local, LOADED, accepted, *later)

    entries, _ = commands.runs_since(local.config, limit=200)

    assert [entry.id for entry in entries[:2]] == [1, 2]
