"""Counts the rows that statements change, or finds that nobody can know them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, PoolProxiedConnection, event
from sqlalchemy.engine.default import DefaultExecutionContext

from delembic.execution.work.course import Course

_CHANGE = re.compile(r"\s*(insert|update|delete|merge|replace)\b", re.IGNORECASE)
_NOT_THE_USERS = ("sqlalchemy", "delembic")


class _WatchedConnection(Connection):
    """A connection that tells when a migration takes the driver's own connection from it.

    What is done there, such as a COPY, goes past SQLAlchemy and all of its events.
    """

    on_driver_taken: Callable[[], None]

    @property
    def connection(self) -> PoolProxiedConnection:
        """The driver's connection."""
        frame = inspect.currentframe()
        caller = frame.f_back.f_globals.get("__name__", "") if frame and frame.f_back else ""
        if caller.partition(".")[0] not in _NOT_THE_USERS:
            self.on_driver_taken()
        return super().connection


@contextmanager
def counting_rows(conn: Connection, course: Course) -> Iterator[None]:
    """Count the rows that statements in the block change, in ``course.rows_affected``.

    Statements count as far as the driver tells their rows. If it does not, or if the block uses the
    driver's own connection, the number is unknown: ``None``.
    """

    def forget() -> None:
        course.rows_affected = None

    def count(
        conn: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: DefaultExecutionContext | None,
        executemany: bool,
    ) -> None:
        is_change = _is_change(statement, context)
        if course.rows_affected is None or not (is_change or cursor.description is None):
            return
        if cursor.rowcount > 0:
            course.rows_affected += cursor.rowcount
        elif is_change and (cursor.rowcount < 0 or cursor.description):
            # SQLite knows the rows of RETURNING only when all of them have been fetched.
            forget()

    event.listen(conn, "after_cursor_execute", count)
    try:
        with _watching(conn, forget):
            yield
    finally:
        event.remove(conn, "after_cursor_execute", count)


@contextmanager
def _watching(conn: Connection, on_driver_taken: Callable[[], None]) -> Iterator[None]:
    # SQLAlchemy has no event for this, and the migration must get this very connection.
    own = conn.__class__
    conn.__class__ = _WatchedConnection
    vars(conn)["on_driver_taken"] = on_driver_taken
    try:
        yield
    finally:
        conn.__class__ = own
        del vars(conn)["on_driver_taken"]


def _is_change(statement: str, context: DefaultExecutionContext | None) -> bool:
    known = context and (context.isinsert or context.isupdate or context.isdelete)
    return bool(known or _CHANGE.match(statement))
