"""Counts the rows that statements change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine.default import DefaultExecutionContext

from delembic.execution.work.course import Course


@contextmanager
def counting_rows(conn: Connection, course: Course) -> Iterator[None]:
    """Count the rows that statements in the block change, in ``course.rows_affected``.

    Only statements that go through SQLAlchemy count, and only as far as the driver reports rows.
    """

    def count(
        conn: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: DefaultExecutionContext | None,
        executemany: bool,
    ) -> None:
        changes = cursor.description is None or (
            context and (context.isinsert or context.isupdate or context.isdelete)
        )
        if changes and cursor.rowcount > 0:
            course.rows_affected += cursor.rowcount

    event.listen(conn, "after_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(conn, "after_cursor_execute", count)
