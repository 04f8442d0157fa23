"""Reads the audit log: the newest entries, and the last attempt at each revision."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, func, select

from delembic.audit import tables
from delembic.audit.entries import LogEntry, entry_of, is_operation
from delembic.audit.share import Share, read_share
from delembic.database.opening import Database
from delembic.database.places import reading
from delembic.status import Operation, Status


@contextmanager
def open_log(database: Database) -> Iterator[tuple[Connection, Share]]:
    """Connect to the audit log, and yield the share of the project's work database with it.

    Raises:
        DatabaseUnavailableError: A server does not answer.
    """
    with reading(database.metadata) as conn:
        yield conn, read_share(database, conn)


def read_latest(conn: Connection, share: Share) -> dict[str, LogEntry]:
    """Return the last attempt at each revision, in one query. Writes nothing.

    Args:
        conn: Any open connection to the database of the audit log.
        share: Which entries belong to the work database.
    """
    table = tables.tables_of(conn).history

    def newest(query: Select[Any], columns: tables.Columns) -> Select[Any]:
        own = is_operation(columns["operation"]), share.holds(columns["database_id"])
        attempts = select(func.max(table.c.id)).where(*own)
        return query.where(table.c.id.in_(attempts.group_by(table.c.revision)))

    return {row.revision: entry_of(row) for row in tables.read(conn, table, newest)}


def read_entries(
    conn: Connection,
    share: Share,
    revisions: Collection[str] = (),
    status: Status | None = None,
    limit: int | None = None,
    operation: Operation | None = None,
) -> list[LogEntry]:
    """Return entries of the audit log, newest first, in one query. Writes nothing.

    Args:
        conn: Any open connection to the database of the audit log.
        share: Which entries belong to the work database.
        revisions: Return only the entries of these revisions; all if there are none.
        status: Return only the entries with this status; all if ``None``.
        limit: The maximum number of entries; all if ``None``.
        operation: Return only the entries of this operation; all if ``None``.
    """
    table = tables.tables_of(conn).history

    def newest_first(query: Select[Any], columns: tables.Columns) -> Select[Any]:
        conditions = [share.holds(columns["database_id"])]
        if revisions:
            conditions.append(table.c.revision.in_(revisions))
        if status is not None:
            conditions.append(table.c.status == status)
        if operation is not None:
            conditions.append(is_operation(columns["operation"], operation))
        return query.where(*conditions).order_by(table.c.id.desc()).limit(limit)

    return [entry_of(row) for row in tables.read(conn, table, newest_first)]
