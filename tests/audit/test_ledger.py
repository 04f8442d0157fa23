"""What is read of the audit log; how its rows come about is in ``test_contract.py``."""

from __future__ import annotations

import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from delembic import Program, commands
from delembic.audit.entries import LogEntry
from delembic.audit.ledger import Ledger
from delembic.audit.share import Share
from delembic.audit.stopwatch import Stopwatch
from delembic.errors import MigrationFailedError
from delembic.history.log import read_latest
from delembic.status import Status
from support.audit_rows import DRIFTED, FAILED, LOADED, VERIFIED, record
from support.projects import ProjectFolder
from support.servers.backend import Backend

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

SYNTAX = 'OperationalError: (sqlite3.OperationalError) near "SELEC": syntax error'
GROUP = "ExceptionGroup: 2 (2 sub-exceptions)"


ASSERT = """\
Traceback (most recent call last):
  File "/srv/D001.py", line 14, in validate
    assert rows == 3
           ^^^^^^^^^
AssertionError
"""


def _raised(code: str) -> str:
    """The traceback of what some code raises."""
    try:
        exec(code, {"engine": create_engine("sqlite://", poolclass=NullPool), "text": text})
    except Exception:  # noqa: BLE001 - whatever the code raises
        return traceback.format_exc()
    raise AssertionError("nothing was raised")


def test_of_several_attempts_at_a_revision_the_last_one_counts(
    backend: Backend, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.migration("D001", "raise ValueError")
    for _ in range(2):
        with pytest.raises(MigrationFailedError):
            project.upgrade()
    project.migration("D001", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        project.upgrade()

    with project.connection() as conn:
        latest = read_latest(conn, Share(None))

    assert list(latest) == ["D001"]
    assert (latest["D001"].attempt, latest["D001"].status) == (3, "interrupted")
    assert project.states() == {"D001": "interrupted"}


@pytest.mark.parametrize(
    ("attempt", "who"),
    [
        (LogEntry(1, "D001", "running", THEN, username="ann", hostname="db1"), "ann@db1"),
        (
            LogEntry(
                1, "D001", "running", THEN, username="ann", hostname="db1", pid=7, executor="cli"
            ),
            "ann@db1, pid 7 (cli)",
        ),
    ],
)
def test_a_runner_is_named_as_far_as_the_row_tells(attempt: LogEntry, who: str) -> None:
    assert attempt.who == who


@pytest.mark.parametrize(
    ("exception", "reason"),
    [
        (None, ""),
        ("", ""),
        ("D002 was not run: it depends on D001, which is not applied yet.", None),
        ("psycopg.OperationalError: gone\n\n", "psycopg.OperationalError: gone"),
        (_raised("raise ValueError('bad row')"), "ValueError: bad row"),
        (_raised("raise KeyError"), "KeyError"),
        (_raised("raise ValueError('first line\\n  and more\\nlast')"), "ValueError: first line"),
        (_raised("with engine.connect() as conn: conn.execute(text('SELEC'))"), SYNTAX),
        (
            _raised("try: 1 / 0\nexcept Exception as e: raise ValueError('b') from e"),
            "ValueError: b",
        ),
        (_raised("raise ExceptionGroup('2', [ValueError(1), KeyError(2)])"), GROUP),
        (_raised("compile('def f(:', 'f.py', 'exec')"), "SyntaxError: invalid syntax"),
        ("  File 'x', the beginning was cut off\nValueError: b", "ValueError: b"),
        (ASSERT, "AssertionError: assert rows == 3"),
        (_raised("assert 1 == 2"), "AssertionError"),  # a source that nobody can see any more
    ],
)
def test_the_reason_is_the_line_of_the_error_that_says_what_is_wrong(
    exception: str | None, reason: str | None
) -> None:
    attempt = LogEntry(1, "D001", "failed", THEN, exception=exception)

    assert attempt.reason == (exception if reason is None else reason)


class TestVerifications:
    """They are in the same log, and say nothing about whether a revision is applied."""

    @pytest.mark.parametrize("status", ["success", "failed", "interrupted"])
    def test_the_last_attempt_is_found_behind_them(
        self, backend: Backend, tmp_path: Path, status: str
    ) -> None:
        project = ProjectFolder(tmp_path / "project", backend.url)
        record(project, LOADED, replace(VERIFIED, revision="D001", status=status), DRIFTED)

        with project.connection() as conn:
            assert read_latest(conn, Share(None)) == {"D001": LOADED}

    def test_none_is_settled_counted_or_taken_for_an_attempt(
        self, sqlite_url: str, tmp_path: Path
    ) -> None:
        project = ProjectFolder(tmp_path / "project", sqlite_url)
        record(
            project,
            *(
                replace(VERIFIED, id=n, attempt_id=status, status=status)
                for n, status in enumerate(Status, 1)
            ),
        )
        project.migration("D002")

        with project.connection() as conn:
            ledger = Ledger(conn, Program(), Share(None))
            source = commands.read_graph(project.config)["D002"]

            assert ledger.unfinished() == ledger.unfinished("D002") == ledger.unproven() == []
            assert [ledger.find(status) for status in Status] == [None] * len(Status)
            assert ledger.start(source, Stopwatch()).entry.attempt == 1

    def test_a_row_from_before_there_were_any_is_an_attempt(
        self, sqlite_url: str, tmp_path: Path
    ) -> None:
        project = ProjectFolder(tmp_path / "project", sqlite_url)
        record(project, replace(FAILED, status="interrupted"))
        project.execute("UPDATE delembic_run_history SET operation = NULL")

        with project.connection() as conn:
            ledger = Ledger(conn, Program(), Share(None))

            assert [attempt.operation for attempt in ledger.unproven()] == ["upgrade"]
            assert list(read_latest(conn, Share(None))) == ["D002"]
