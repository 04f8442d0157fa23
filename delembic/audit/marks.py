"""The marks in ``delembic_version``: which revisions have taken effect.

The mark of a success is written by the same transaction as the work itself. Its primary key is the
last guard of all: of two transactions that do the same work, only one can commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from delembic.audit import tables
from delembic.audit.status import Status
from delembic.database.connections import execute_reconnecting

_table = tables.version_table


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of ``delembic_version``.

    Attributes:
        revision: Which revision it is about.
        applied_at: When it took effect or failed, in UTC.
        status: ``success`` or ``failed``.
        duration_seconds: How long the work took.
        run_id: The attempt that made it, as in ``delembic_run_history``.
        checksum: SHA-256 of the source file that was run.
    """

    revision: str
    applied_at: datetime | None
    status: str
    duration_seconds: float | None
    run_id: str | None
    checksum: str | None

    @property
    def applied(self) -> bool:
        """Whether the revision has taken effect."""
        return self.status == Status.SUCCESS


def read_marks(conn: Connection) -> dict[str, Mark]:
    """Return all marks by revision; none where delembic has never run. Writes nothing."""
    return {row.revision: _mark(row) for row in tables.read(conn, _table)}


def read_marks_of(conn: Connection, revisions: Collection[str]) -> dict[str, Mark]:
    """Return the marks of some revisions, in one query, read afresh.

    Args:
        conn: As for `read_mark`.
        revisions: Which ones to look for.
    """
    query = select(_table).where(_table.c.revision.in_(revisions))
    return {row.revision: _mark(row) for row in execute_reconnecting(conn, query)}


def read_mark(conn: Connection, revision: str) -> Mark | None:
    """Return the mark of one revision, read afresh.

    Args:
        conn: In autocommit mode, on a database that `tables.ensure` has seen to.
        revision: Which one.
    """
    query = select(_table).where(_table.c.revision == revision)
    row = execute_reconnecting(conn, query).first()
    return _mark(row) if row else None


def read_applied(conn: Connection, revisions: Collection[str]) -> frozenset[str]:
    """Return which of some revisions have taken effect, in one query, read afresh.

    Args:
        conn: As for `read_mark`.
        revisions: Which ones to look for.
    """
    applied = _table.c.revision.in_(revisions) & (_table.c.status == Status.SUCCESS)
    query = select(_table.c.revision).where(applied)
    return frozenset(execute_reconnecting(conn, query).scalars())


def applied_revisions(marks: Mapping[str, Mark]) -> frozenset[str]:
    """Return the revisions that have taken effect."""
    return frozenset(revision for revision, mark in marks.items() if mark.applied)


def mark_applied(conn: Connection, mark: Mark, *, over_failure: bool) -> None:
    """Write the mark of a success on the work connection; the caller commits it with the work.

    Args:
        conn: The work connection, in the transaction of the work.
        mark: With the status ``success``.
        over_failure: Whether a mark of an earlier failure is there to be written over. It has to
            be told: looking for a row that is not there would lock the gap on MySQL, and two
            runners of different revisions would run into a deadlock.

    Raises:
        IntegrityError: Another transaction has marked the revision as applied meanwhile.
    """
    unapplied = (_table.c.revision == mark.revision) & (_table.c.status != Status.SUCCESS)
    over = update(_table).where(unapplied).values(_values(mark))
    if over_failure and conn.execute(over).rowcount:
        return
    conn.execute(insert(_table).values(_values(mark)))


def mark_failed(conn: Connection, mark: Mark) -> None:
    """Note a failure, unless the revision is applied.

    Args:
        conn: In autocommit mode.
        mark: With the status ``failed``.
    """
    unapplied = (_table.c.revision == mark.revision) & (_table.c.status != Status.SUCCESS)
    noted = update(_table).where(unapplied).values(_values(mark))
    if execute_reconnecting(conn, noted).rowcount:
        return
    try:
        conn.execute(insert(_table).values(_values(mark)))
    except IntegrityError:
        # Applied by another runner, or its failure noted first: that row says it better.
        conn.rollback()


def _values(mark: Mark) -> dict[str, Any]:
    return {
        "revision": mark.revision,
        "applied_at": mark.applied_at,
        "status": mark.status,
        "execution_time_seconds": mark.duration_seconds,
        "run_id": mark.run_id,
        "checksum": mark.checksum,
    }


def _mark(row: Row[Any]) -> Mark:
    return Mark(
        revision=row.revision,
        applied_at=row.applied_at,
        status=row.status,
        duration_seconds=row.execution_time_seconds,
        run_id=row.run_id,
        checksum=row.checksum,
    )
