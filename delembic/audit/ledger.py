"""Writes the audit log ``delembic_run_history``.

The statements are built once, when the module is imported. For most of them, building the statement
and finding it in SQLAlchemy's cache would take longer than executing it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Executable, Select, bindparam, func, insert, select, update

from delembic.audit import tables
from delembic.audit.entries import COLUMNS, LogEntry, entry_of, is_operation
from delembic.audit.marks import Mark
from delembic.audit.program import Program
from delembic.audit.share import Share, in_share
from delembic.audit.texts import fitted
from delembic.database.connections import execute_reconnecting
from delembic.database.dialects import kind_of
from delembic.database.repertoire import ASCII
from delembic.errors import EntryNotKeptError
from delembic.revisions.source import Revision
from delembic.status import Operation, Status

_table = tables.history_table
_attempts = select(_table).where(is_operation(_table.c.operation))
"""All attempts, without the verifications."""
_own_attempts = _attempts.where(in_share(_table.c.database_id))
"""The attempts at the revisions of this work database."""

_of_revision = _table.c.revision == bindparam("of_revision")
# Not only its own: the id comes from a mark, and no two attempts have the same.
_by_name = _attempts.where(_table.c.run_id == bindparam("of_attempt_id"))
_count = _own_attempts.where(_of_revision).with_only_columns(func.count())
# Without the rows of delembic 1.x, whose marks do not name an attempt.
_unfinished = _own_attempts.where(
    _table.c.status == Status.RUNNING, _table.c.run_id.is_not(None)
).order_by(_table.c.id)
_unfinished_of_revision = _unfinished.where(_of_revision)

_other = _table.alias()
_unproven = _own_attempts.where(
    _table.c.status.in_([Status.INTERRUPTED, Status.FAILED]),
    ~select(_other.c.id)
    .where(_other.c.revision == _table.c.revision, _other.c.status == Status.SUCCESS)
    .where(is_operation(_other.c.operation), in_share(_other.c.database_id))
    .exists(),
).order_by(_table.c.id)

_add = insert(_table)
_end = update(_table).where(_table.c.id == bindparam("of_id"))
_end_unless_settled = _end.where(_table.c.status.in_([Status.RUNNING, Status.INTERRUPTED]))
_end_as_read = _end.where(_table.c.status == bindparam("of_status"))


_id_by_name = select(_table.c.id).where(_table.c.run_id == bindparam("of_attempt_id"))
_NO_CONDITIONS: Mapping[str, Any] = {}


class Ledger:
    """Writes the audit log.

    Args:
        conn: The metadata connection. It commits every statement at once, so the log survives any
            rollback of the work. The caller closes it.
        program: Who runs the migrations.
        share: Which entries belong to the work database.
    """

    def __init__(self, conn: Connection, program: Program, share: Share) -> None:
        self._conn = conn
        self._program = program
        self._share = share
        self._repertoire = kind_of(conn.dialect.name).repertoire(conn)

    def start(self, revision: Revision) -> LogEntry:
        """Write a ``running`` entry, which `finish` ends later."""
        return self._insert(revision, Status.RUNNING, datetime.now(UTC))

    def blocked(self, revision: Revision, reason: str) -> LogEntry:
        """Write the entry of an attempt that could not begin."""
        now = datetime.now(UTC)
        return self._insert(
            revision, Status.BLOCKED, now, ended_at=now, duration_seconds=0.0, exception=reason
        )

    def verified(
        self,
        revision: Revision,
        status: Status,
        started_at: datetime,
        exception: str | None = None,
    ) -> LogEntry:
        """Write the entry of a verification that has ended.

        Args:
            revision: The revision that was verified.
            status: ``success``, ``failed``, or ``interrupted`` if it was cut off.
            started_at: When it began.
            exception: The error that ``validate`` raised.
        """
        now = datetime.now(UTC)
        return self._insert(
            revision,
            status,
            started_at,
            operation=Operation.VERIFY,
            ended_at=now,
            duration_seconds=(now - started_at).total_seconds(),
            exception=exception,
        )

    def finish(
        self,
        entry: LogEntry,
        status: Status,
        *,
        exception: str | None = None,
        rows_affected: int | None = None,
    ) -> None:
        """Record the end of an attempt, unless another run has settled it by its mark.

        The attempt itself knows best how it ended. If it lost its lock, or if there was no lock,
        another run may have taken it for dead although it went on.
        """
        now = datetime.now(UTC)
        values = {
            "status": status,
            "ended_at": now,
            "duration_seconds": (now - entry.started_at).total_seconds(),
            "exception": exception,
            "rows_affected": rows_affected,
            "recovered": False,
        }
        end = _end if status == Status.SUCCESS else _end_unless_settled
        self._write(end, values, {"of_id": entry.id})

    def note(self, entry: LogEntry, text: str) -> None:
        """Write into an entry without an end what is waited for."""
        self._end_as_read(entry, exception=text)

    def unfinished(self, revision: str | None = None) -> list[LogEntry]:
        """Return the ``running`` entries of one or all revisions, oldest first."""
        if revision is None:
            return self._own(_unfinished)
        return self._own(_unfinished_of_revision, of_revision=revision)

    def unproven(self) -> list[LogEntry]:
        """Return the entries that a mark may yet prove wrong, oldest first.

        These are interrupted and failed attempts at revisions at which none has succeeded: a server
        may have gone on with a commit that its client took for lost.
        """
        return self._own(_unproven)

    def is_own(self, entry: LogEntry) -> bool:
        """Whether an attempt belongs to this process."""
        return entry.pid == self._program.pid and self._is_here(entry)

    def is_dead(self, entry: LogEntry) -> bool:
        """Whether an attempt's process ran on this machine and no longer exists.

        The result is false for an attempt on another machine, and if another process now has the
        same number.
        """
        if not self._is_here(entry) or not entry.pid or os.name != "posix":
            return False
        try:
            os.kill(entry.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # the process belongs to another user
            return False
        return False

    def find(self, attempt_id: str | None) -> LogEntry | None:
        """Return the attempt with an id, as a mark contains it."""
        row = execute_reconnecting(self._conn, _by_name, {"of_attempt_id": attempt_id}).first()
        return entry_of(row) if row else None

    def recover(self, entry: LogEntry, mark: Mark) -> bool:
        """Complete the entry of an attempt that is over and whose work was committed.

        The caller must know that the attempt is over, for example because it holds the revision's
        lock, or that the attempt can no longer commit, because another one has.

        Args:
            entry: The entry as it was read.
            mark: The mark that the attempt made.

        Returns:
            Whether the entry still had the status with which it was read.
        """
        return self._end_as_read(
            entry,
            status=Status.SUCCESS,
            recovered=True,
            ended_at=mark.applied_at,
            duration_seconds=mark.duration_seconds,
        )

    def give_up(self, entry: LogEntry) -> bool:
        """End the entry of an attempt that is over and whose work was not committed.

        The arguments and the result are those of `recover`.
        """
        return self._end_as_read(entry, status=Status.INTERRUPTED, ended_at=None)

    def _own(self, query: Select[Any], **values: Any) -> list[LogEntry]:
        rows = execute_reconnecting(self._conn, query, self._share.parameters | values)
        return [entry_of(row) for row in rows]

    def _end_as_read(self, entry: LogEntry, **values: Any) -> bool:
        as_read = {"of_id": entry.id, "of_status": entry.status}
        ended = execute_reconnecting(self._conn, _end_as_read, as_read | values)
        return bool(ended.rowcount)

    def _insert(
        self,
        revision: Revision,
        status: Status,
        started_at: datetime,
        operation: Operation = Operation.UPGRADE,
        **values: Any,
    ) -> LogEntry:
        facts: dict[str, Any] = {
            "attempt_id": str(uuid.uuid4()),
            "revision": revision.id,
            "started_at": started_at,
            "status": status,
            "attempt": self._next_number(revision) if operation == Operation.UPGRADE else None,
            "operation": operation,
            "description": revision.description,
            "checksum": revision.checksum,
            "recovered": False,
            "database_id": self._share.database_id,
            **asdict(self._program),
            **values,
        }
        row = {COLUMNS[name]: value for name, value in facts.items()}
        self._write(_add, row)
        # What the database says of the INSERT is no proof: a trigger may have swallowed the row.
        own = {"of_attempt_id": facts["attempt_id"]}
        key = execute_reconnecting(self._conn, _id_by_name, own).scalar_one_or_none()
        if key is None:
            raise EntryNotKeptError(_table.name)
        return LogEntry(id=key, **facts)

    def _write(
        self,
        statement: Executable,
        values: Mapping[str, Any],
        conditions: Mapping[str, Any] = _NO_CONDITIONS,
    ) -> None:
        """Write values, with an escape in place of each character that cannot be held.

        If that fails, whatever the error, they are written once more as plain ASCII, because no
        error of the log may hide the one that it is to hold.
        """
        own, plain = (fitted(values, each) for each in (self._repertoire, ASCII))
        try:
            execute_reconnecting(self._conn, statement, {**conditions, **own})
        except Exception:
            if plain == own or not self._is_written(statement, {**conditions, **plain}):
                raise

    def _is_written(self, statement: Executable, values: Mapping[str, Any]) -> bool:
        try:
            execute_reconnecting(self._conn, statement, values)
        except Exception:  # noqa: BLE001 - the first error says more
            return False
        return True

    def _is_here(self, entry: LogEntry) -> bool:
        """Whether an attempt's process ran on this machine."""
        own = {"hostname": self._program.hostname}
        names = (own, fitted(own, self._repertoire), fitted(own, ASCII))
        return entry.hostname in [each["hostname"] for each in names]

    def _next_number(self, revision: Revision) -> int:
        before = self._share.parameters | {"of_revision": revision.id}
        number: int = execute_reconnecting(self._conn, _count, before).scalar_one()
        return number + 1
