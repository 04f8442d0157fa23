"""Reads on in the audit log from a bookmark, missing nothing and reading nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select, true

from delembic.audit import tables
from delembic.audit.entries import LogEntry, entry_of, is_operation, operation_in
from delembic.audit.share import Share
from delembic.history.bookmark import NEWEST_IN_FULL, Bookmark, Gap
from delembic.status import Operation, Status

_MOST_FOREIGN = 10_000
_FOLLOWED = (Operation.UPGRADE, Operation.ACCEPT)
"""The operations that change a mark."""


def follow(
    conn: Connection, share: Share, bookmark: Bookmark, limit: int
) -> tuple[list[LogEntry], Bookmark]:
    """Return the news since a bookmark, oldest first, and the bookmark that follows them.

    Reading starts from the beginning if the log is another one, because it was created anew or
    restored from a backup. Writes nothing.

    Args:
        conn: Any open connection to the database of the audit log.
        share: Which entries belong to the work database.
        bookmark: How far the log was read.
        limit: The maximum number of entries, in addition to those that the reader wants again.
    """
    rows, complete = _read(conn, share, bookmark, limit)
    if not bookmark.leads_into(rows):
        bookmark = Bookmark()
        rows, complete = _read(conn, share, bookmark, limit)
    after = bookmark.after(rows, complete=complete)
    return bookmark.news_in(rows), after.without(_foreign(conn, share, after.gaps))


def _read(
    conn: Connection, share: Share, bookmark: Bookmark, limit: int
) -> tuple[list[LogEntry], bool]:
    """Return the rows, and whether these were all of them."""
    most = limit + len(bookmark.again) + 1  # for the row at the bookmark
    rows = _read_on(conn, share, bookmark, most)
    return rows, len(rows) < most


def _read_on(conn: Connection, share: Share, bookmark: Bookmark, limit: int) -> list[LogEntry]:
    """Return the rows that are new or have changed since a bookmark, in one query.

    The row at the bookmark is included, to show that this is still the same log.
    """
    table = tables.tables_of(conn).history
    ids, status = table.c.id, table.c.status

    def news(query: Select[Any], columns: tables.Columns) -> Select[Any]:
        followed = or_(*(is_operation(columns["operation"], each) for each in _FOLLOWED))
        own = followed & share.holds(columns["database_id"])
        counting = _counting(table, own, columns) if bookmark.skimming else true()
        wanted = or_(
            (ids > bookmark.last_id) & counting,
            ids.in_([bookmark.last_id, *bookmark.again]),
            ids.in_(bookmark.running) & (status != Status.RUNNING),
            ids.in_(bookmark.interrupted) & (status == Status.SUCCESS),
            *(ids.between(gap.first, gap.last) for gap in bookmark.gaps),
        )
        return query.where(own, wanted).order_by(ids).limit(limit)

    return [entry_of(row) for row in tables.read(conn, table, news)]


def _foreign(conn: Connection, share: Share, gaps: Sequence[Gap]) -> list[int]:
    """Return the numbers in gaps that entries of other work databases have."""
    table = tables.tables_of(conn).history
    ids = table.c.id

    def foreign(query: Select[Any], columns: tables.Columns) -> Select[Any]:
        within = or_(*(ids.between(gap.first, gap.last) for gap in gaps))
        others = ~share.holds(columns["database_id"])
        newest = query.with_only_columns(ids).where(others, within).order_by(ids.desc())
        return newest.limit(_MOST_FOREIGN)

    return [row.id for row in tables.read(conn, table, foreign)] if gaps else []


def _counting(
    table: Table, own: ColumnElement[bool], columns: tables.Columns
) -> ColumnElement[bool]:
    """Return the condition for the rows that a first reading returns.

    These are the last success and the last entry of each revision, by operation, and the newest
    rows.
    """
    ids, operation = table.c.id, operation_in(columns["operation"])

    def last(*conditions: ColumnElement[bool]) -> Select[Any]:
        return select(func.max(ids)).where(own, *conditions).group_by(table.c.revision, operation)

    newest = select(func.max(ids) - NEWEST_IN_FULL).scalar_subquery()
    succeeded = table.c.status == Status.SUCCESS
    return or_(ids.in_(last()), ids.in_(last(succeeded)), ids > newest)
