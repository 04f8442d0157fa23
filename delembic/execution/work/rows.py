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
from delembic.loading.counting import counting_loads, is_loading

_CHANGE = re.compile(r"\s*(insert|update|delete|merge|replace)\b", re.IGNORECASE)
_VALUES = re.compile(r"\s*(?:insert|replace)\b.*?\bvalues\s*\(", re.IGNORECASE | re.DOTALL)
MANY_ROWS = 20_000
"""From here on, a load in bulk is worth its while."""
_NOT_THE_USERS = ("sqlalchemy", "delembic")


class _Sent:
    """The rows that were sent as values of INSERT statements, which is slow for many."""

    def __init__(self, on_slow: Callable[[int], None]) -> None:
        self.is_told = False
        self._on_slow = on_slow
        self._rows = 0

    def add(self, statement: str, rows: int) -> None:
        """Add the rows of a statement if it is one with values."""
        if rows > 0 and _VALUES.match(statement):
            self._rows += rows
            if self._rows >= MANY_ROWS:
                self.is_told = True
                self._on_slow(self._rows)


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
def counting_rows(
    conn: Connection, course: Course, on_slow: Callable[[int], None]
) -> Iterator[None]:
    """Count the rows that statements in the block change, in ``course.rows_affected``.

    Statements count as far as the driver tells their rows. If it does not, or if the block uses the
    driver's own connection, the number is unknown: ``None``. A `delembic.bulk_load` tells its rows.

    Args:
        conn: The connection that a migration gets.
        course: Gets the number.
        on_slow: Is called once if very many rows are sent by INSERT, with their number so far.
    """
    sent = _Sent(on_slow)

    def forget() -> None:
        course.rows_affected = None

    def add(rows: int) -> None:
        if course.rows_affected is not None:
            course.rows_affected += rows

    def count(
        conn: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: DefaultExecutionContext | None,
        executemany: bool,
    ) -> None:
        if is_loading(conn):
            return
        is_change = _is_change(statement, context)
        if is_change and not sent.is_told:
            sent.add(statement, len(parameters) if executemany else cursor.rowcount)
        if course.rows_affected is None or not (is_change or cursor.description is None):
            return
        if cursor.rowcount > 0:
            add(cursor.rowcount)
        elif is_change and (cursor.rowcount < 0 or cursor.description):
            # SQLite knows the rows of RETURNING only when all of them have been fetched.
            forget()

    event.listen(conn, "after_cursor_execute", count)
    try:
        with _watching(conn, forget), counting_loads(conn, add):
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
