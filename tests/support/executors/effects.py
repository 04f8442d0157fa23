"""What the migrations of these tests do, in whatever process they are executed."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from sqlalchemy import Connection

from support.executors.programs import PATIENCE_SECONDS

TABLE = "CREATE TABLE effect (revision VARCHAR(20))"


def take(conn: Connection, revision: str) -> None:
    """Leave one row, so that every time counts."""
    conn.exec_driver_sql(f"INSERT INTO effect VALUES ('{revision}')")


def stay(root: Path, revision: str) -> None:
    """Say which process this is, and stay in the midst of the migration until told to go on."""
    partial = root / f"{revision}.pid-partial"
    partial.write_text(str(os.getpid()))
    partial.rename(root / f"{revision}.pid")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (root / f"{revision}.go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody lets {revision} go")
        threading.Event().wait(0.02)


def fail_once(root: Path) -> None:
    """Fail unless this was called before."""
    once = root / "failed-once"
    if not once.exists():
        once.touch()
        raise RuntimeError("the network is down")
