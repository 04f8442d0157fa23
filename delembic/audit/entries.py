"""One row of the audit log ``delembic_run_history``, as a value.

An attempt and a verification both leave one. A verification says nothing about whether its revision
is applied, so whatever is concluded from the log is concluded from the attempts in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Row, func

from delembic.status import Operation

_MODULE = re.compile(r"^[\w.<>]+\.(?=\w+(:|$))")
"""In front of the name of an error, as tracebacks have it."""
_SAYS_NOTHING = "AssertionError"
"""An assert without a message: what it asserts is to be seen where it stands."""
_HEADING = re.compile(r"(Exception Group )?Traceback \(most recent call last\):")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A row of ``delembic_run_history``: one attempt at a migration, or one verification.

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
        id: The row's number; later entries have higher ones.
        revision: Which revision was attempted or verified.
        status: ``running``, ``success``, ``failed``, ``interrupted`` or ``blocked``.
        started_at: In UTC.
        attempt_id: A unique name of the attempt, which the mark of a success carries too; the
            column is called ``run_id``. It is ``None`` in the rows of delembic 1.x, as are all
            attributes below ``hostname``.
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

    @property
    def run_id(self) -> str | None:
        """The attempt's name, under the name of its column."""
        return self.attempt_id

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


COLUMNS = {
    each.name: "run_id" if each.name == "attempt_id" else each.name for each in fields(LogEntry)
}
"""The column of ``delembic_run_history`` that each attribute is kept in."""


def is_operation(
    column: ColumnElement[Any], operation: Operation = Operation.UPGRADE
) -> ColumnElement[bool]:
    """Return the condition for it; rows from before there was a choice hold none."""
    return func.coalesce(column, Operation.UPGRADE) == operation


def entry_of(row: Row[Any]) -> LogEntry:
    """Return a row of the whole table as a log entry."""
    values = {name: getattr(row, column) for name, column in COLUMNS.items()}
    return LogEntry(**values | {"operation": values["operation"] or Operation.UPGRADE})


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
