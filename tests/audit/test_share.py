"""One audit log for several work databases, whose revisions have the same ids."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect

from delembic import Bookmark, LogEntry, commands
from delembic.errors import MigrationFailedError, UnknownRevisionError
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend

INSIDE = "GATES['inside'].set(); assert GATES['go'].wait(PATIENCE_SECONDS)"
IDS = "SELECT DISTINCT database_id FROM delembic_run_history"


@pytest.fixture
def log(tmp_path: Path) -> ProjectFolder:
    """A database that holds nothing but the log."""
    return ProjectFolder(tmp_path / "log", f"sqlite:///{tmp_path / 'log.sqlite'}")


@pytest.fixture
def first(backend: Backend, log: ProjectFolder, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "first", backend.url)
    project.configure(metadata_url=log.url)
    return project


@pytest.fixture
def second(log: ProjectFolder, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "second", f"sqlite:///{tmp_path / 'second.sqlite'}")
    project.configure(metadata_url=log.url)
    return project


def fail(project: ProjectFolder) -> None:
    project.migration("D001", "raise ValueError('not here')")
    with pytest.raises(MigrationFailedError):
        project.upgrade()


def seen(project: ProjectFolder) -> list[tuple[int | None, str]]:
    return [(entry.attempt, entry.status) for entry in commands.runs(project.config)]


def test_each_sees_counts_and_shows_only_its_own(
    first: ProjectFolder, second: ProjectFolder
) -> None:
    fail(first)
    second.migration("D001")
    assert second.states() == {"D001": "pending"}
    assert seen(second) == []

    second.upgrade()
    fail(first)

    assert (seen(first), first.states()) == ([(2, "failed"), (1, "failed")], {"D001": "failed"})
    assert (seen(second), second.states()) == ([(1, "success")], {"D001": "applied"})
    assert len(commands.show(first.config, "D001").attempts) == 2
    assert len(commands.show(second.config, "D001").attempts) == 1


def test_a_revision_of_the_other_one_is_unknown(
    first: ProjectFolder, second: ProjectFolder
) -> None:
    first.migration("OTHER")
    first.upgrade()
    second.migration("D001")
    second.upgrade()

    with pytest.raises(UnknownRevisionError):
        commands.runs(second.config, "OTHER")
    with pytest.raises(UnknownRevisionError):
        commands.show(second.config, "OTHER")


def test_none_takes_a_living_attempt_of_the_other_one_for_dead(
    first: ProjectFolder, second: ProjectFolder, log: ProjectFolder
) -> None:
    GATES.clear()
    first.migration("D001", INSIDE)
    second.migration("D001")

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first.upgrade)
        assert GATES["inside"].wait(PATIENCE_SECONDS)
        second.upgrade()
        during = log.statuses("D001")
        GATES["go"].set()
        running.result()

    assert during == ["running", "success"]
    assert log.statuses("D001") == ["success", "success"]


def test_a_late_commit_is_recovered_whatever_the_other_one_did(
    first: ProjectFolder, second: ProjectFolder, log: ProjectFolder
) -> None:
    for project in (first, second):
        project.migration("D001")
        project.upgrade()
    log.execute("UPDATE delembic_run_history SET status = 'interrupted' WHERE id = 1")

    second.upgrade()
    assert log.statuses() == ["interrupted", "success"]
    first.upgrade()

    assert log.statuses() == ["success", "success"]


def test_a_verification_belongs_to_its_database(
    first: ProjectFolder, second: ProjectFolder
) -> None:
    for project in (first, second):
        project.migration("D001", validate="pass")
        project.upgrade()

    first.verify()

    assert seen(first) == [(None, "success"), (1, "success")]
    assert seen(second) == [(1, "success")]


class TestLogInOneOfThem:
    """The second one's log is in the database of the first, whose own log is there too."""

    @pytest.fixture(autouse=True)
    def _in_the_first(self, first: ProjectFolder, second: ProjectFolder) -> None:
        first.configure()
        second.configure(metadata_url=first.url)

    def test_each_sees_only_its_own(self, first: ProjectFolder, second: ProjectFolder) -> None:
        fail(first)
        second.migration("D001")
        assert second.states() == {"D001": "pending"}

        second.upgrade()

        assert (seen(first), first.states()) == ([(1, "failed")], {"D001": "failed"})
        assert (seen(second), second.states()) == ([(1, "success")], {"D001": "applied"})

    def test_entries_from_before_the_log_was_moved_into_the_same_database_stay(
        self, first: ProjectFolder, second: ProjectFolder
    ) -> None:
        fail(first)

        first.configure(metadata_url=first.url)
        assert seen(first) == [(1, "failed")]
        fail(first)
        assert seen(first) == [(2, "failed"), (1, "failed")]

        first.configure()
        assert seen(first) == [(2, "failed"), (1, "failed")]


class TestId:
    def test_there_is_none_where_the_log_is_with_the_data(
        self, first: ProjectFolder, log: ProjectFolder
    ) -> None:
        first.configure()
        first.migration("D001")
        first.upgrade()

        assert [row.database_id for row in first.attempts()] == [None]
        with first.connection() as conn:
            assert "delembic_database" not in inspect(conn).get_table_names()

    def test_it_stays_and_is_in_every_entry(self, first: ProjectFolder, log: ProjectFolder) -> None:
        fail(first)
        fail(first)

        own = first.value("SELECT database_id FROM delembic_database")
        assert [row.database_id for row in log.attempts()] == [own, own]
        assert [entry.database_id for entry in commands.runs(first.config)] == [own, own]

    def test_several_that_make_it_at_once_make_one(
        self, first: ProjectFolder, log: ProjectFolder
    ) -> None:
        start = threading.Barrier(4)
        for number in range(4):
            first.migration(f"D{number}")

        def apply(number: int) -> None:
            start.wait()
            commands.apply(first.config, f"D{number}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(apply, range(4)))

        own = first.value("SELECT database_id FROM delembic_database")
        assert [row.database_id for row in log.rows(IDS)] == [own]

    def test_entries_without_one_are_read_as_before(
        self, first: ProjectFolder, log: ProjectFolder
    ) -> None:
        fail(first)
        log.execute("UPDATE delembic_run_history SET database_id = NULL, status = 'running'")
        first.execute("DELETE FROM delembic_version")

        assert first.states() == {"D001": "running"}
        fail(first)

        assert seen(first) == [(2, "failed"), (1, "interrupted")]

    def test_reading_makes_none(self, first: ProjectFolder, log: ProjectFolder) -> None:
        first.migration("D001")

        assert first.states() == {"D001": "pending"}
        assert seen(first) == []

        with first.connection() as conn:
            assert inspect(conn).get_table_names() == []


def follow(project: ProjectFolder, bookmark: Bookmark | None) -> tuple[list[LogEntry], Bookmark]:
    return commands.runs_since(project.config, bookmark)


class TestFollowing:
    def test_only_its_own_is_read_and_that_once(
        self, first: ProjectFolder, second: ProjectFolder
    ) -> None:
        fail(first)
        fail(second)
        attempts, bookmark = follow(first, None)
        assert [attempt.id for attempt in attempts] == [1]

        fail(second)
        fail(first)
        attempts, bookmark = follow(first, bookmark)

        assert [(attempt.id, attempt.attempt) for attempt in attempts] == [(4, 2)]
        assert follow(first, bookmark)[0] == []

    def test_entries_of_the_other_one_are_no_gaps(
        self, first: ProjectFolder, second: ProjectFolder, log: ProjectFolder
    ) -> None:
        fail(second)
        fail(first)
        _, bookmark = follow(first, None)
        for project in (second, second, first):
            fail(project)
        log.execute("DELETE FROM delembic_run_history WHERE id = 3")

        _, bookmark = follow(first, bookmark)

        assert [(gap.first, gap.last) for gap in bookmark.gaps] == [(3, 3)]
