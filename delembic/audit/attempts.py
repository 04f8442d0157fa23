"""The audit log ``delembic_run_history`` as it is read: one row for each attempt.

A verification has a row of the same kind. It says nothing about whether its revision is applied, so
whatever is concluded from attempts is concluded without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select, true

from delembic.audit import tables
from delembic.audit.status import Operation, Status

if TYPE_CHECKING:
    from delembic.audit.bookmark import Bookmark

_table = tables.history_table
_MODULE = re.compile(r"^[\w.<>]+\.(?=\w+(:|$))")
"""In front of the name of an error, as tracebacks have it."""
_SAYS_NOTHING = "AssertionError"
"""An assert without a message: what it asserts is to be seen where it stands."""
_HEADING = re.compile(r"(Exception Group )?Traceback \(most recent call last\):")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a migration, or one verification, as ``delembic_run_history`` has it.

    Example:
        >>> from datetime import UTC
        >>> then = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        >>> attempt = Attempt(
        ...     7, "D001", "failed", then, exception="ValueError: no rows", username="ann",
        ...     hostname="db1", executor="cli", pid=12,
        ... )
        >>> f"{attempt.revision} was run by {attempt.who}: {attempt.reason}"
        'D001 was run by ann@db1, pid 12 (cli): ValueError: no rows'

    Attributes:
        id: The row's number; later attempts have higher ones.
        revision: Which revision was attempted.
        status: ``running``, ``success``, ``failed``, ``interrupted`` or ``blocked``.
        started_at: In UTC.
        run_id: A unique name, which the mark of a success carries too. ``None`` in the rows of
            delembic 1.x, as are all that follow ``hostname``.
        ended_at: In UTC; ``None`` while it runs, or when its end was not seen.
        duration_seconds: From start to end.
        exception: The whole error, with its traceback.
        username: Who ran it, by the operating system.
        hostname: Where.
        attempt: 1 for the first attempt at this revision, and so on; ``None`` for a verification.
        description: The migration's own, as it was then.
        checksum: SHA-256 of the source file that was run.
        rows_affected: Rows inserted, updated and deleted, as far as the driver tells.
        executor: ``cli``, ``dagster`` or ``python``.
        executor_run_id: That program's own name for its run.
        pid: The process.
        tool_version: The version of delembic.
        recovered: The work was committed, but its runner died before it could say so; a later
            run found the mark and completed this row.
        operation: ``upgrade`` for an attempt to apply the revision, ``verify`` for a verification,
            which leaves the revision's state as it is.
    """

    id: int
    revision: str
    status: str
    started_at: datetime
    run_id: str | None = None
    ended_at: datetime | None = None
    duration_seconds: float | None = None
    exception: str | None = None
    username: str | None = None
    hostname: str | None = None
    attempt: int | None = None
    description: str | None = None
    checksum: str | None = None
    rows_affected: int | None = None
    executor: str | None = None
    executor_run_id: str | None = None
    pid: int | None = None
    tool_version: str | None = None
    recovered: bool | None = None
    operation: str = Operation.UPGRADE

    @property
    def who(self) -> str:
        """The runner for people: ``ann@db1, pid 12 (cli)``."""
        process = f", pid {self.pid} ({self.executor})" if self.pid else ""
        return f"{self.username}@{self.hostname}{process}"

    @property
    def reason(self) -> str:
        """The error on one line, such as ``ValueError: no rows``; empty if there was none.

        That is the last line of the traceback; of an error whose text has several lines the first
        of them, as what a database says begins with what is wrong and ends with where to read more.
        """
        lines = [line for line in (self.exception or "").splitlines() if line.strip()]
        return _below_last_traceback(lines) or (lines[-1].strip() if lines else "")


def read_latest(conn: Connection) -> dict[str, Attempt]:
    """Return the last attempt at each revision, in one query. Writes nothing."""

    def newest(query: Select[Any], columns: tables.Columns) -> Select[Any]:
        attempts = select(func.max(_table.c.id)).where(is_operation(columns["operation"]))
        return query.where(_table.c.id.in_(attempts.group_by(_table.c.revision)))

    return {row.revision: attempt_of(row) for row in tables.read(conn, _table, newest)}


def read_attempts(
    conn: Connection,
    revision: str | None = None,
    status: Status | None = None,
    limit: int | None = None,
    operation: Operation | None = None,
) -> list[Attempt]:
    """Return attempts and verifications, newest first, in one query. Writes nothing.

    Args:
        conn: Any open connection to the database of the audit log.
        revision: Those at one revision; at all if ``None``.
        status: Those that ended so; all if ``None``.
        limit: How many at most; all if ``None``.
        operation: Only attempts, or only verifications; both if ``None``.
    """
    wanted = {_table.c.revision: revision, _table.c.status: status}

    def newest_first(query: Select[Any], columns: tables.Columns) -> Select[Any]:
        conditions = [column == value for column, value in wanted.items() if value is not None]
        if operation is not None:
            conditions.append(is_operation(columns["operation"], operation))
        return query.where(*conditions).order_by(_table.c.id.desc()).limit(limit)

    return [attempt_of(row) for row in tables.read(conn, _table, newest_first)]


def is_operation(
    column: ColumnElement[Any], operation: Operation = Operation.UPGRADE
) -> ColumnElement[bool]:
    """Return the condition for it; rows from before there was a choice hold none."""
    return func.coalesce(column, Operation.UPGRADE) == operation


def read_on(conn: Connection, bookmark: Bookmark, newest_in_full: int, limit: int) -> list[Attempt]:
    """Return what attempts are new or have changed since a bookmark, oldest first, in one query.

    The row at the bookmark comes along, to show that this is still the same log. Writes nothing.

    Args:
        conn: Any open connection to the database of the audit log.
        bookmark: How far has been read.
        newest_in_full: Of how many newest rows a first reading leaves out none.
        limit: How many at most.
    """
    ids, status = _table.c.id, _table.c.status

    def news(query: Select[Any], columns: tables.Columns) -> Select[Any]:
        upgrade = is_operation(columns["operation"])
        counting = _counting(newest_in_full, upgrade) if bookmark.skimming else true()
        wanted = or_(
            (ids > bookmark.last_id) & counting,
            ids.in_([bookmark.last_id, *bookmark.again]),
            ids.in_(bookmark.running) & (status != Status.RUNNING),
            ids.in_(bookmark.interrupted) & (status == Status.SUCCESS),
            *(ids.between(gap.first, gap.last) for gap in bookmark.gaps),
        )
        return query.where(upgrade, wanted).order_by(ids).limit(limit)

    return [attempt_of(row) for row in tables.read(conn, _table, news)]


def _counting(newest_in_full: int, upgrade: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition for the rows that tell how things stand, and for the newest ones."""
    ids = _table.c.id

    def last(*conditions: ColumnElement[bool]) -> Select[Any]:
        return select(func.max(ids)).where(upgrade, *conditions).group_by(_table.c.revision)

    newest = select(func.max(ids) - newest_in_full).scalar_subquery()
    succeeded = _table.c.status == Status.SUCCESS
    return or_(ids.in_(last()), ids.in_(last(succeeded)), ids > newest)


def attempt_of(row: Row[Any]) -> Attempt:
    """Return a row of the whole table as an attempt."""
    values = {name: getattr(row, name) for name in Attempt.__dataclass_fields__}
    return Attempt(**values | {"operation": values["operation"] or Operation.UPGRADE})


def _below_last_traceback(lines: list[str]) -> str:
    """Return the first line after the frames of the last traceback, if there is one."""
    # An exception group draws its own traceback with a bar at the left.
    bare = [line.removeprefix("  + ").removeprefix("  | ") for line in lines]
    headings = [n for n, line in enumerate(bare) if _HEADING.match(line)]
    below = bare[headings[-1] + 1 :] if headings else []
    frames = list(takewhile(lambda line: line.startswith(" "), below))
    first = _MODULE.sub("", below[len(frames)]) if len(frames) < len(below) else ""
    if first == _SAYS_NOTHING:
        # The last frame's own line, if anybody could read its file then.
        last = list(takewhile(lambda line: not line.startswith("  File"), reversed(frames)))
        return ": ".join([first, *(line.strip() for line in last[-1:])])
    return first
