"""A log entry, which is a row of the audit log ``delembic_run_history``, as a value.

Each attempt, each verification and each acceptance of a file has one. Only an attempt can make a
revision applied, so the state of a revision is derived from the attempts alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Row, func

from delembic.status import Operation

_MODULE = re.compile(r"^[\w.<>]+\.(?=\w+(:|$))")
"""The module in front of the name of an exception, as tracebacks have it."""
_SAYS_NOTHING = "AssertionError"
"""The text of an assert without a message. Its source line says more."""
_HEADING = re.compile(r"(Exception Group )?Traceback \(most recent call last\):")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A log entry: a row of ``delembic_run_history`` for an attempt, or for what came after it.

    Example:
        >>> from datetime import UTC
        >>> then = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        >>> entry = LogEntry(
        ...     7, "D001", "failed", then, exception="ValueError: no rows", username="ann",
        ...     hostname="db1", executor="cli", pid=12,
        ... )
        >>> f"{entry.revision} was run by {entry.who}: {entry.reason}"
        'D001 was run by ann@db1, pid 12 (cli): ValueError: no rows'

    Attributes:
        id: The number of the entry; later entries have higher ones.
        revision: The revision that was attempted or verified.
        status: ``running``, ``success``, ``failed``, ``interrupted`` or ``blocked``.
        started_at: When it started, in UTC.
        attempt_id: A unique id of the attempt, which the mark of a success contains too. The
            column is called ``run_id``. In the rows of delembic 1.x it is ``None``, and so are all
            attributes below ``hostname``.
        ended_at: When it ended, in UTC; ``None`` while it runs, or if its end was not observed.
        duration_seconds: The time from start to end.
        exception: The whole error, with its traceback.
        username: The user of the operating system who ran it.
        hostname: The machine on which it ran.
        attempt: The number of the attempt at this revision, from 1; ``None`` if it is no attempt.
        description: The migration's description at that time.
        checksum: SHA-256 of the text of the file that was run, verified or accepted.
        rows_affected: Rows inserted, updated and deleted; ``None`` if that is unknown.
        executor: The program that ran it: ``cli``, ``dagster`` or ``python``.
        executor_run_id: The id that this program gave to its run.
        pid: The id of the process.
        tool_version: The version of delembic.
        recovered: Whether the work was committed, but the run died before it recorded that. A
            later run then found the mark and completed this entry.
        operation: ``upgrade`` for an attempt to apply the revision, ``verify`` for a verification,
            or ``accept`` if the file was taken as it was for the one that was applied. Only
            attempts change the state of the revision.
        database_id: The id of the work database; ``None`` unless the audit log is elsewhere.
        metadata: What the migration told about its work, by name; ``None`` if that was nothing.
    """

    id: int
    revision: str
    status: str
    started_at: datetime
    attempt_id: str | None = None
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
    database_id: str | None = None
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def run_id(self) -> str | None:
        """The attempt's id, under the name of its column."""
        return self.attempt_id

    @property
    def who(self) -> str:
        """Who ran it, for people: ``ann@db1, pid 12 (cli)``."""
        process = f", pid {self.pid} ({self.executor})" if self.pid else ""
        return f"{self.username}@{self.hostname}{process}"

    @property
    def reason(self) -> str:
        """The error on one line, such as ``ValueError: no rows``; empty if there was none.

        This is the first line after the traceback. Errors of databases begin with what is wrong
        and end with where to read more.
        """
        lines = [line for line in (self.exception or "").splitlines() if line.strip()]
        return _below_last_traceback(lines) or (lines[-1].strip() if lines else "")


COLUMNS = {
    each.name: "run_id" if each.name == "attempt_id" else each.name for each in fields(LogEntry)
}
"""The column of ``delembic_run_history`` for each attribute."""


def is_operation(
    column: ColumnElement[Any], operation: Operation = Operation.UPGRADE
) -> ColumnElement[bool]:
    """Return the condition for an operation."""
    return operation_in(column) == operation


def operation_in(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the operation of a row; ``NULL`` in old rows means an upgrade."""
    return func.coalesce(column, Operation.UPGRADE)


def entry_of(row: Row[Any]) -> LogEntry:
    """Return a row of the whole table as a log entry."""
    values = {name: getattr(row, column) for name, column in COLUMNS.items()}
    return LogEntry(**values | {"operation": values["operation"] or Operation.UPGRADE})


def _below_last_traceback(lines: list[str]) -> str:
    """Return the first line after the frames of the last traceback, if there is one."""
    # The traceback of an exception group has a bar at the left.
    bare = [line.removeprefix("  + ").removeprefix("  | ") for line in lines]
    headings = [n for n, line in enumerate(bare) if _HEADING.match(line)]
    below = bare[headings[-1] + 1 :] if headings else []
    frames = list(takewhile(lambda line: line.startswith(" "), below))
    first = _MODULE.sub("", below[len(frames)]) if len(frames) < len(below) else ""
    if first == _SAYS_NOTHING:
        # The source line of the last frame, if its file could be read at that time.
        last = list(takewhile(lambda line: not line.startswith("  File"), reversed(frames)))
        return ": ".join([first, *(line.strip() for line in last[-1:])])
    return first
