"""The work of migrations under torture: one row that can be counted, and a line in a journal.

The table has no key, so a duplicate effect is detected. The journal is a file, so it records an
attempt independently of the database. Writing to it is the first thing that an attempt does.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from sqlalchemy import Connection

from support.torture.sizes import PATIENCE_SECONDS

TABLE = "CREATE TABLE effect (revision VARCHAR(20))"
JOURNAL = "journal"
FAULT = "fault"
"""While a file of this name is in the project's folder, certain migrations fail."""


def take(conn: Connection, revision: str) -> None:
    """Do the work of a migration."""
    with Path(JOURNAL).open("a") as journal:
        journal.write(f"{revision} {os.getpid()}\n")
    insert(conn, revision)


def insert(conn: Connection, revision: str) -> None:
    """Insert the row, which takes effect once the caller commits."""
    conn.exec_driver_sql(f"INSERT INTO effect VALUES ('{revision}')")


def check(conn: Connection, revision: str) -> None:
    """Expect, as a ``validate`` does, the effect of this attempt and no other."""
    query = f"SELECT count(*) FROM effect WHERE revision = '{revision}'"
    assert conn.exec_driver_sql(query).scalar_one() == 1


def check_batch() -> None:
    """Do nothing, at the end of a batch: a place where a run can be hit."""


def journal(root: Path) -> list[tuple[str, int]]:
    """The revision and process of each attempt that began."""
    path = root / JOURNAL
    lines = path.read_text().splitlines() if path.exists() else []
    return [(revision, int(pid)) for revision, pid in map(str.split, lines)]


def wait_for_file(name: str) -> None:
    """Wait until the test lets the migration continue."""
    path = Path(name)
    _wait(path.exists)


def wait_for_others(revision: str, number: int) -> None:
    """Wait until this many processes run the migration at the same time."""
    _wait(lambda: sum(line[0] == revision for line in journal(Path())) >= number)


def _wait(is_so: object) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.01)
