"""What is read of the audit log; how its rows come about is in ``test_contract.py``."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from delembic.audit.ledger import Attempt, read_latest
from delembic.errors import MigrationFailedError
from projects import ProjectFolder
from servers.backend import Backend

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

SYNTAX = 'OperationalError: (sqlite3.OperationalError) near "SELEC": syntax error'
GROUP = "ExceptionGroup: 2 (2 sub-exceptions)"


def _raised(code: str) -> str:
    """The traceback of what some code raises."""
    try:
        exec(code, {"create_engine": create_engine, "text": text})
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
        latest = read_latest(conn)

    assert list(latest) == ["D001"]
    assert (latest["D001"].attempt, latest["D001"].status) == (3, "interrupted")
    assert project.states() == {"D001": "interrupted"}


@pytest.mark.parametrize(
    ("attempt", "who"),
    [
        (Attempt(1, "D001", "running", THEN, username="ann", hostname="db1"), "ann@db1"),
        (
            Attempt(
                1, "D001", "running", THEN, username="ann", hostname="db1", pid=7, executor="cli"
            ),
            "ann@db1, pid 7 (cli)",
        ),
    ],
)
def test_a_runner_is_named_as_far_as_the_row_tells(attempt: Attempt, who: str) -> None:
    assert attempt.who == who


@pytest.mark.parametrize(
    ("exception", "reason"),
    [
        (None, ""),
        ("", ""),
        ("D002 was not run: it depends on D001, not applied yet.", None),
        ("psycopg.OperationalError: gone\n\n", "psycopg.OperationalError: gone"),
        (_raised("raise ValueError('bad row')"), "ValueError: bad row"),
        (_raised("raise KeyError"), "KeyError"),
        (_raised("raise ValueError('first line\\n  and more\\nlast')"), "ValueError: first line"),
        (_raised("create_engine('sqlite://').connect().execute(text('SELEC'))"), SYNTAX),
        (
            _raised("try: 1 / 0\nexcept Exception as e: raise ValueError('b') from e"),
            "ValueError: b",
        ),
        (_raised("raise ExceptionGroup('2', [ValueError(1), KeyError(2)])"), GROUP),
        (_raised("compile('def f(:', 'f.py', 'exec')"), "SyntaxError: invalid syntax"),
        ("  File 'x', the beginning was cut off\nValueError: b", "ValueError: b"),
    ],
)
def test_the_reason_is_the_line_of_the_error_that_says_what_is_wrong(
    exception: str | None, reason: str | None
) -> None:
    attempt = Attempt(1, "D001", "failed", THEN, exception=exception)

    assert attempt.reason == (exception if reason is None else reason)
