"""The work of the migrations in these tests, in any process that executes them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from sqlalchemy import Connection

from support.executors.programs import PATIENCE_SECONDS

TABLE = "CREATE TABLE effect (revision VARCHAR(20))"


def take(conn: Connection, revision: str) -> None:
    """Insert one row, so that every execution can be counted."""
    conn.exec_driver_sql(f"INSERT INTO effect VALUES ('{revision}')")


def stay(root: Path, revision: str) -> None:
    """Report this process, and pause within the migration until a test lets it continue."""
    partial = root / f"{revision}.pid-partial"
    partial.write_text(str(os.getpid()))
    partial.rename(root / f"{revision}.pid")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (root / f"{revision}.go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody lets {revision} go")
        threading.Event().wait(0.02)


def fail_once(root: Path) -> None:
    """Fail on the first call."""
    once = root / "failed-once"
    if not once.exists():
        once.touch()
        raise RuntimeError("the network is down")
