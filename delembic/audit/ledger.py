"""Writes the audit log ``delembic_run_history``."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Select

from delembic.audit.entries import COLUMNS, LogEntry, entry_of
from delembic.audit.marks import Mark
from delembic.audit.program import Program, has_ended
from delembic.audit.share import Share
from delembic.audit.statements import statements_for
from delembic.audit.stopwatch import Stopwatch
from delembic.audit.tables import tables_of
from delembic.audit.texts import fitted
from delembic.database.connections import execute_reconnecting
from delembic.database.dialects import kind_of
from delembic.database.repertoire import ASCII
from delembic.errors import EntryNotKeptError
from delembic.revisions.source import Revision
from delembic.status import Operation, Status

_NO_CONDITIONS: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Beginning:
    """An attempt that begins.

    Attributes:
        entry: Its ``running`` entry.
        last_success: The log entry of the last attempt at its revision that succeeded, if any.
    """

    entry: LogEntry
    last_success: int | None


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
        self._tables = tables_of(conn)
        self._statements = statements_for(self._tables)
        self._program = program
        self._share = share
        self._repertoire = kind_of(conn.dialect.name).repertoire(conn)

    def start(self, revision: Revision, stopwatch: Stopwatch) -> Beginning:
        """Write a ``running`` entry, which `finish` ends later."""
        attempts, last_success = self._past(revision)
        entry = self._insert(revision, Status.RUNNING, stopwatch, attempt=attempts + 1)
        return Beginning(entry, last_success)

    def blocked(self, revision: Revision, reason: str) -> LogEntry:
        """Write the entry of an attempt that could not begin."""
        stopwatch = Stopwatch()
        attempts, _ = self._past(revision)
        return self._insert(
            revision,
            Status.BLOCKED,
            stopwatch,
            attempt=attempts + 1,
            ended_at=stopwatch.started_at,
            duration_seconds=0.0,
            exception=reason,
        )

    def noted(
        self,
        operation: Operation,
        revision: Revision,
        status: Status,
        stopwatch: Stopwatch,
        exception: str | None = None,
    ) -> LogEntry:
        """Write the entry of something that has ended and was no attempt.

        Args:
            operation: What it was.
            revision: The revision that it was about.
            status: ``success``, ``failed``, or ``interrupted`` if it was cut off.
            stopwatch: Runs since its beginning.
            exception: The error that the user's code raised.
        """
        return self._insert(
            revision,
            status,
            stopwatch,
            operation=operation,
            ended_at=stopwatch.now,
            duration_seconds=stopwatch.seconds,
            exception=exception,
        )

    def finish(
        self,
        entry: LogEntry,
        status: Status,
        stopwatch: Stopwatch,
        *,
        exception: str | None = None,
        rows_affected: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record the end of an attempt, unless another run has settled it by its mark.

        The attempt itself knows best how it ended. If it lost its lock, or if there was no lock,
        another run may have taken it for dead although it went on. If the server has lost the
        entry, because it crashed or another has taken its place, the entry is written anew.

        Returns:
            Whether this was recorded. A success is not, if its mark is not in the database.
        """
        values = {
            "status": status,
            "ended_at": stopwatch.now,
            "duration_seconds": stopwatch.seconds,
            "exception": exception,
            "rows_affected": rows_affected,
            "metadata": dict(metadata) if metadata else None,
            "recovered": False,
        }
        conditions = {"of_attempt_id": entry.attempt_id}
        end = self._statements.end_unless_settled
        if status == Status.SUCCESS:
            is_beside_marks = self._share.database_id is None
            end = self._statements.end_with_mark if is_beside_marks else self._statements.end
        if self._write(end, values, conditions).rowcount:
            return True
        if self.find(entry.attempt_id):
            return False
        self._write(self._statements.add, _row_of(entry))
        return bool(self._write(end, values, conditions).rowcount)

    def note(self, entry: LogEntry, text: str) -> None:
        """Write into an entry without an end what is waited for."""
        self._end_as_read(entry, exception=text)

    def unfinished(self, revision: str | None = None) -> list[LogEntry]:
        """Return the ``running`` entries of one or all revisions, oldest first."""
        if revision is None:
            return self._own(self._statements.unfinished)
        return self._own(self._statements.unfinished_of_revision, of_revision=revision)

    def unproven(self) -> list[LogEntry]:
        """Return the entries that a mark may yet prove wrong, oldest first.

        These are interrupted and failed attempts at revisions at which none has succeeded: a server
        may have gone on with a commit that its client took for lost.
        """
        return self._own(self._statements.unproven)

    def is_own(self, entry: LogEntry) -> bool:
        """Whether an attempt belongs to this process."""
        return entry.pid == self._program.pid and self._is_here(entry)

    def is_dead(self, entry: LogEntry) -> bool:
        """Whether an attempt's process ran on this machine and no longer exists.

        The result is false for an attempt on another machine, and if another process now has the
        same number.
        """
        return self._is_here(entry) and has_ended(entry.pid)

    def find(self, attempt_id: str | None) -> LogEntry | None:
        """Return the attempt with an id, as a mark contains it."""
        row = execute_reconnecting(
            self._conn, self._statements.by_name, {"of_attempt_id": attempt_id}
        ).first()
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
        return bool(self._write(self._statements.end_as_read, values, as_read).rowcount)

    def _insert(
        self,
        revision: Revision,
        status: Status,
        stopwatch: Stopwatch,
        operation: Operation = Operation.UPGRADE,
        **values: Any,
    ) -> LogEntry:
        facts: dict[str, Any] = {
            "attempt_id": str(uuid.uuid4()),
            "revision": revision.id,
            "started_at": stopwatch.started_at,
            "status": status,
            "attempt": None,
            "operation": operation,
            "description": revision.description,
            "checksum": revision.checksum,
            "recovered": False,
            "database_id": self._share.database_id,
            **asdict(self._program),
            **values,
        }
        self._write(self._statements.add, _columns_of(facts))
        # What the database says of the INSERT is no proof: a trigger may have swallowed the row.
        query, own = self._statements.id_by_name, {"of_attempt_id": facts["attempt_id"]}
        key = execute_reconnecting(self._conn, query, own).scalar_one_or_none()
        if key is None:
            raise EntryNotKeptError(self._tables.history.name)
        return LogEntry(id=key, **facts)

    def _write(
        self,
        statement: Executable,
        values: Mapping[str, Any],
        conditions: Mapping[str, Any] = _NO_CONDITIONS,
    ) -> CursorResult[Any]:
        """Write values, with an escape in place of each character that cannot be held.

        If that fails, whatever the error, they are written once more as plain ASCII, because no
        error of the log may hide the one that it is to hold.
        """
        own, plain = (fitted(values, each) for each in (self._repertoire, ASCII))
        try:
            return execute_reconnecting(self._conn, statement, {**conditions, **own})
        except Exception:
            result = None if plain == own else self._tried(statement, {**conditions, **plain})
            if result is None:
                raise
            return result

    def _tried(self, statement: Executable, values: Mapping[str, Any]) -> CursorResult[Any] | None:
        try:
            return execute_reconnecting(self._conn, statement, values)
        except Exception:  # noqa: BLE001 - the first error says more
            return None

    def _is_here(self, entry: LogEntry) -> bool:
        """Whether an attempt's process ran on this machine."""
        own = {"hostname": self._program.hostname}
        names = (own, fitted(own, self._repertoire), fitted(own, ASCII))
        return entry.hostname in [each["hostname"] for each in names]

    def _past(self, revision: Revision) -> tuple[int, int | None]:
        """Return how many attempts there were, and the number of the last that succeeded."""
        before = self._share.parameters | {"of_revision": revision.id}
        attempts, last_success = tuple(
            execute_reconnecting(self._conn, self._statements.past, before).one()
        )
        return attempts, last_success


def _row_of(entry: LogEntry) -> dict[str, Any]:
    facts = asdict(entry)
    del facts["id"]  # which another entry may have by now
    return _columns_of(facts)


def _columns_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {COLUMNS[name]: value for name, value in facts.items()}
