"""Reading on in the audit log: everything once, in whatever order it comes to light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, update

from delembic import Bookmark, LogEntry, commands
from delembic.audit.tables import history_table
from support.audit_rows import FAILED, LOADED, THEN, record
from support.projects import ProjectFolder
from support.servers.backend import Backend

FROM_NOW_ON = Bookmark(skimming=False)


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


class Reader:
    """Follows the log of a project."""

    def __init__(self, project: ProjectFolder, bookmark: Bookmark | None = None) -> None:
        self.project = project
        self.bookmark = bookmark

    def read(self, limit: int = 100) -> list[tuple[int, str]]:
        attempts, self.bookmark = commands.runs_since(
            self.project.config, self.bookmark, limit=limit
        )
        # As it is kept between two readings.
        self.bookmark = Bookmark.from_text(self.bookmark.as_text())
        return [(attempt.id, attempt.status) for attempt in attempts]


def row(id_: int, status: str = "success", revision: str | None = None) -> LogEntry:
    return LogEntry(
        id_, revision or f"D{id_:03}", status, THEN, attempt_id=f"run-{id_}", executor="cli"
    )


def becomes(project: ProjectFolder, id_: int, status: str) -> None:
    with project.connection() as conn:
        changed = update(history_table).where(history_table.c.id == id_).values(status=status)
        conn.execute(changed)


def test_what_was_read_is_not_read_again(tmp_path: Path, backend: Backend) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    record(project, LOADED, FAILED)
    reader = Reader(project)

    assert reader.read() == [(1, "success"), (2, "failed")]
    assert reader.read() == []
    record(project, row(3))
    assert reader.read() == [(3, "success")]
    assert reader.read() == []


def test_a_database_that_delembic_never_touched_has_nothing_to_read(
    project: ProjectFolder,
) -> None:
    reader = Reader(project)

    assert reader.read() == []
    record(project, row(1))
    assert reader.read() == [(1, "success")]


def test_a_run_is_read_when_it_begins_and_when_it_has_ended(project: ProjectFolder) -> None:
    reader = Reader(project)
    record(project, row(1, "running"), row(2))

    assert reader.read() == [(1, "running"), (2, "success")]
    assert reader.read() == []
    becomes(project, 1, "failed")
    assert reader.read() == [(1, "failed")]
    assert reader.read() == []


def test_an_interrupted_run_that_turns_out_to_have_succeeded_is_read_again(
    project: ProjectFolder,
) -> None:
    reader = Reader(project)
    record(project, row(1, "running"), row(2))
    reader.read()

    becomes(project, 1, "interrupted")
    assert reader.read() == [(1, "interrupted")]
    assert reader.read() == []
    becomes(project, 1, "success")
    assert reader.read() == [(1, "success")]
    assert reader.read() == []


def test_a_number_that_comes_to_light_after_higher_ones_is_read(
    tmp_path: Path, backend: Backend
) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    reader = Reader(project)
    record(project, row(5), row(8))

    assert reader.read() == [(5, "success"), (8, "success")]
    record(project, row(7), row(12))
    assert reader.read() == [(7, "success"), (12, "success")]
    record(project, row(6, "running"), row(10))
    assert reader.read() == [(6, "running"), (10, "success")]
    becomes(project, 6, "success")
    assert reader.read() == [(6, "success")]
    assert reader.read() == []


def test_numbers_that_never_come_are_looked_for_a_limited_time(project: ProjectFolder) -> None:
    reader = Reader(project, FROM_NOW_ON)
    record(project, row(1), row(3_000_000))

    reader.read()
    assert reader.bookmark
    assert [(gap.first, gap.last) for gap in reader.bookmark.gaps] == [(2, 2_999_999)]
    for _ in range(20):
        assert reader.read() == []
    assert reader.bookmark.gaps == ()


def test_many_gaps_do_not_swell_the_bookmark(project: ProjectFolder) -> None:
    record(project, *(row(3 * n) for n in range(1, 301)))  # as a cluster numbers its rows
    reader = Reader(project, FROM_NOW_ON)

    assert len(reader.read(limit=1000)) == 300
    assert reader.bookmark
    assert len(reader.bookmark.gaps) == 100
    assert len(reader.bookmark.as_text()) < 5_000


def test_a_thousand_rows_are_read_in_parts(project: ProjectFolder) -> None:
    record(project, *(row(n) for n in range(1, 1001)))
    reader = Reader(project)

    parts = [[id_ for id_, _ in reader.read(limit=150)] for _ in range(8)]

    assert [id_ for part in parts for id_ in part] == list(range(1, 1001))
    assert max(map(len, parts)) <= 151


def test_runs_without_an_end_do_not_hold_up_what_comes_after_them(project: ProjectFolder) -> None:
    record(project, *(row(n, "running") for n in range(1, 21)))
    reader = Reader(project)
    while reader.read(limit=5):
        pass

    record(project, *(row(n) for n in range(21, 24)))
    assert [id_ for id_, _ in reader.read(limit=5)] == [21, 22, 23]


def test_the_first_reading_leaves_out_what_no_longer_counts(project: ProjectFolder) -> None:
    record(
        project,
        row(1, "failed", "D001"),
        row(2, "success", "D001"),
        row(3, "failed", "D002"),
        row(4, "failed", "D002"),
        row(5, "success", "D003"),
        row(6, "running", "D004"),
        *(row(n, "failed", "D005") for n in range(7, 407)),
    )
    reader = Reader(project)

    ids = [id_ for id_, _ in reader.read(limit=1000)]

    assert ids == [2, 4, 5, 6, *range(307, 407)]
    assert reader.read() == []


def test_a_number_missing_at_the_end_of_the_first_reading_is_looked_for(
    project: ProjectFolder,
) -> None:
    record(project, *(row(n, revision="D001") for n in range(1, 301) if n != 299))
    reader = Reader(project)
    while reader.read(limit=60):
        pass

    record(project, row(299, revision="D002"))

    assert reader.read() == [(299, "success")]


def test_what_is_asked_for_again_comes_again(project: ProjectFolder) -> None:
    record(project, *(row(n) for n in range(1, 6)))
    attempts, bookmark = commands.runs_since(project.config)
    kept = bookmark.keeping([2, 5])

    again, after = commands.runs_since(project.config, kept, limit=1)

    assert [attempt.id for attempt in again] == [2, 5]
    assert commands.runs_since(project.config, after)[0] == []
    assert len(attempts) == 5


@pytest.mark.parametrize("rows", [[row(1)], [row(1), row(2)], [row(n) for n in range(1, 9)]])
def test_a_log_that_was_made_anew_is_read_from_its_beginning(
    project: ProjectFolder, rows: list[LogEntry]
) -> None:
    record(project, *(replace(row(n), attempt_id=f"old-{n}") for n in range(1, 3)))
    reader = Reader(project)
    reader.read()
    project.execute("DELETE FROM delembic_run_history")

    record(project, *rows)

    assert [id_ for id_, _ in reader.read()] == [each.id for each in rows]


@pytest.mark.parametrize(
    "text",
    ["", "?", "7", "[]", "null", '{"last_id": 7}', '{"last_id":"x","gaps":[]}', '{"gaps":[{}]}'],
)
def test_a_bookmark_that_cannot_be_read_is_the_beginning(text: str) -> None:
    assert Bookmark.from_text(text) == Bookmark()
    assert Bookmark.from_text(None) == Bookmark()


def test_one_query_is_enough(project: ProjectFolder, statements: list[str]) -> None:
    record(project, *(row(n, "running") for n in range(1, 30)))
    _, bookmark = commands.runs_since(project.config)
    statements.clear()

    commands.runs_since(project.config, bookmark)

    assert len([text for text in statements if "FROM main.delembic_run_history" in text]) == 1


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What SQLAlchemy sends."""
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)
