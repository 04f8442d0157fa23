"""The rows that statements change, counted as they are executed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine.default import DefaultExecutionContext

from delembic.execution.work.course import Course


@contextmanager
def counting_rows(conn: Connection, course: Course) -> Iterator[None]:
    """Add the rows that statements of the block change to ``course.rows_affected``.

    Only what goes through SQLAlchemy is seen, and only as far as the driver tells.
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
