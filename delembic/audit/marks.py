"""The marks in ``delembic_version``: which revisions have taken effect.

The mark of a success is written in the same transaction as the work. Its primary key is the last
safeguard: of two transactions that do the same work, only one can commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from delembic.audit.tables import Tables, name_of, read, tables_of
from delembic.database.connections import execute_reconnecting
from delembic.database.dialects import kind_of
from delembic.database.places import own_options
from delembic.errors import MarkRefusedError
from delembic.revisions.source import Revision
from delembic.status import Status

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of ``delembic_version``.

    Attributes:
        revision: The revision that it marks.
        applied_at: When the revision took effect or failed, in UTC.
        status: ``success`` or ``failed``.
        duration_seconds: How long the work took.
        attempt_id: The attempt that made the mark; the column is called ``run_id``.
        checksum: SHA-256 of the text of the file that was run, or of its bytes, as earlier versions
            of delembic recorded it. `Revision.canonical` makes them comparable.
    """

    revision: str
    applied_at: datetime | None
    status: str
    duration_seconds: float | None
    attempt_id: str | None
    checksum: str | None

    @property
    def applied(self) -> bool:
        """Whether the revision has taken effect."""
        return self.status == Status.SUCCESS

    def is_of(self, attempt_id: str | None) -> bool:
        """Whether an attempt made this mark, and so took effect; false if the attempt has no id."""
        return self.applied and attempt_id is not None and self.attempt_id == attempt_id

    def differs_from(self, revision: Revision) -> bool | None:
        """Whether a file has changed since it was applied.

        Returns:
            ``None`` if the revision is not applied, or if delembic 1.x applied it without storing
            a checksum.
        """
        if not self.applied or self.checksum is None:
            return None
        return not revision.is_of(self.checksum)


class _Statements:
    """The statements for one table of marks, built once."""

    def __init__(self, tables: Tables) -> None:
        table = tables.version
        is_no_success = table.c.status != Status.SUCCESS
        self.of_revision = select(table).where(table.c.revision == bindparam("of_revision"))
        self.of_revisions = select(table).where(
            table.c.revision.in_(bindparam("of_revisions", expanding=True))
        )
        self.applied = self.of_revisions.where(table.c.status == Status.SUCCESS).with_only_columns(
            table.c.revision
        )
        self.add = insert(table)
        self.over_failure = update(table).where(
            table.c.revision == bindparam("of_revision"), is_no_success
        )
        self.accept = update(table).where(
            table.c.revision == bindparam("of_revision"), table.c.status == Status.SUCCESS
        )
        self.upsert = cache(lambda dialect: kind_of(dialect).upsert(table, is_no_success))


@cache
def _statements_for(tables: Tables) -> _Statements:
    return _Statements(tables)


def _statements(conn: Connection) -> _Statements:
    return _statements_for(tables_of(conn))


def read_marks(conn: Connection) -> dict[str, Mark]:
    """Return all marks by revision, or none if delembic has never run. Writes nothing."""
    return {row.revision: _mark(row) for row in read(conn, tables_of(conn).version)}


def read_marks_of(conn: Connection, revisions: Collection[str]) -> dict[str, Mark]:
    """Return the marks of some revisions, in one query, read afresh.

    Args:
        conn: As for `read_mark`.
        revisions: The revisions to look for.
    """
    rows = execute_reconnecting(
        conn, _statements(conn).of_revisions, {"of_revisions": list(revisions)}
    )
    return {row.revision: _mark(row) for row in rows}


def read_mark(conn: Connection, revision: str) -> Mark | None:
    """Return the mark of one revision, read afresh.

    Args:
        conn: The home connection, on a database that `tables.ensure` has prepared.
        revision: The revision to look for.
    """
    row = execute_reconnecting(
        conn, _statements(conn).of_revision, {"of_revision": revision}
    ).first()
    return _mark(row) if row else None


def read_applied(conn: Connection, revisions: Collection[str]) -> frozenset[str]:
    """Return those of some revisions that have taken effect, in one query, read afresh.

    Args:
        conn: As for `read_mark`.
        revisions: The revisions to look for.
    """
    rows = execute_reconnecting(conn, _statements(conn).applied, {"of_revisions": list(revisions)})
    return frozenset(rows.scalars())


def applied_revisions(marks: Mapping[str, Mark]) -> frozenset[str]:
    """Return the revisions that have taken effect."""
    return frozenset(revision for revision, mark in marks.items() if mark.applied)


def applied_without_file(marks: Mapping[str, Mark], files: Collection[str]) -> tuple[str, ...]:
    """Return the applied revisions that have no file, in the order in which they took effect.

    Args:
        marks: All marks, by revision.
        files: The revisions that have one.
    """
    gone = [mark for mark in marks.values() if mark.applied and mark.revision not in files]
    gone.sort(key=lambda mark: (mark.applied_at or _LONG_AGO, mark.revision))
    return tuple(mark.revision for mark in gone)


def mark_applied(
    conn: Connection, mark: Mark, *, over_failure: bool, schema: str | None = None
) -> None:
    """Write the mark of a success on the work connection; the caller commits it with the work.

    Args:
        conn: The work connection, in the transaction of the work.
        mark: With the status ``success``.
        over_failure: Whether there is a mark of an earlier failure to overwrite. The caller must
            know this: on MySQL, a search for a missing row would lock the gap, and two runs of
            different revisions would deadlock.
        schema: Where the table is; ``None`` if the name alone has to do.

    Raises:
        MarkRefusedError: The mark did not get into the table.
        IntegrityError: Another transaction has marked the revision as applied in the meantime.
    """
    name = name_of(conn, tables_of(conn).version, schema)
    if kind_of(conn.dialect.name).is_shadowed(conn, name):
        raise MarkRefusedError(name.table, "a temporary table of the same name hides it.")
    if _written(conn, mark, over_failure, schema) != 1:
        raise MarkRefusedError(
            name.table,
            "another mark is there, or the database ignored it. Look for a trigger on the table.",
        )


def _written(conn: Connection, mark: Mark, over_failure: bool, schema: str | None) -> int:
    """Write a mark, over that of a failure too, and return how many rows that has changed."""
    options = {**own_options(schema), "preserve_rowcount": True}
    statements = _statements(conn)

    def execute(statement: Executable, values: dict[str, Any]) -> int:
        return conn.execute(statement, values, execution_options=options).rowcount

    if (upsert := statements.upsert(conn.dialect.name)) is not None:
        return execute(upsert, _values(mark))
    if over_failure and (rows := execute(statements.over_failure, _over(mark))):
        return rows
    try:
        return execute(statements.add, _values(mark))
    except IntegrityError:
        # Another run may have failed in the meantime, under another kind of lock.
        if not (rows := execute(statements.over_failure, _over(mark))):
            raise
        return rows


def mark_failed(conn: Connection, mark: Mark) -> bool:
    """Mark a revision as failed, unless another mark is there that says more.

    The statement waits for a transaction that is about to commit such a mark, as a COMMIT that was
    cut off may be. That the primary key then refuses this mark proves the commit.

    Args:
        conn: In autocommit mode.
        mark: With the status ``failed``.

    Returns:
        Whether it was written. If not, the mark that is there has to be read.
    """
    if execute_reconnecting(conn, _statements(conn).over_failure, _over(mark)).rowcount:
        return True
    try:
        conn.execute(_statements(conn).add, _values(mark))
    except IntegrityError:
        conn.rollback()
        return False
    return True


def accept_checksum(conn: Connection, revision: str, checksum: str) -> bool:
    """Put another checksum into the mark of a success.

    Args:
        conn: In autocommit mode.
        revision: The revision that it marks.
        checksum: That of the file that counts as the one that was applied.

    Returns:
        Whether there was such a mark.
    """
    values = {"of_revision": revision, "checksum": checksum}
    return bool(execute_reconnecting(conn, _statements(conn).accept, values).rowcount)


def _over(mark: Mark) -> dict[str, Any]:
    return {"of_revision": mark.revision, **_values(mark)}


def _values(mark: Mark) -> dict[str, Any]:
    return {
        "revision": mark.revision,
        "applied_at": mark.applied_at,
        "status": mark.status,
        "execution_time_seconds": mark.duration_seconds,
        "run_id": mark.attempt_id,
        "checksum": mark.checksum,
    }


def _mark(row: Row[Any]) -> Mark:
    return Mark(
        revision=row.revision,
        applied_at=row.applied_at,
        status=row.status,
        duration_seconds=row.execution_time_seconds,
        attempt_id=row.run_id,
        checksum=row.checksum,
    )
