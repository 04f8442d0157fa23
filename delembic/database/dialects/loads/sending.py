"""Statements whose names are quoted already, and a transaction where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, text

from delembic.database.sessions import is_autocommitting


def send(conn: Connection, statement: str) -> CursorResult[Any]:
    """Send a statement as it is: a colon or a percent sign in a name is no parameter."""
    return conn.execute(text(statement.replace(":", r"\:")))


@contextmanager
def in_transaction(conn: Connection) -> Iterator[None]:
    """Have a transaction of the block's own if the driver commits each statement by itself."""
    if not is_autocommitting(conn):
        yield
        return
    send(conn, "BEGIN")
    try:
        yield
    except BaseException:
        if not conn.invalidated:
            send(conn, "ROLLBACK")
        raise
    send(conn, "COMMIT")
