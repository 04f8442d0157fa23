"""Settles dead attempts by their marks, so that nobody has to repair anything."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from delembic.audit.entries import LogEntry
from delembic.audit.ledger import Ledger
from delembic.audit.marks import Mark, read_mark, read_marks_of
from delembic.events import Interrupted, Listener, Settled
from delembic.execution.fate import Overtaken, TookEffect, decide
from delembic.locks.lock import Lock, holding
from delembic.status import Status


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles dead attempts, on behalf of a run.

    Attributes:
        ledger: The audit log.
        home: The home connection.
        lock: The lock. If it is exclusive, holding it proves that nobody else works on the
            revision.
        emit: Gets an event for each log entry that was settled.
    """

    ledger: Ledger
    home: Connection
    lock: Lock
    emit: Listener

    def settle_revision(self, revision: str) -> None:
        """Settle the unfinished attempts at a revision. The caller holds its lock."""
        for entry in self.ledger.unfinished(revision):
            mark = read_mark(self.home, revision)
            fate = decide(entry.attempt_id, mark)
            is_over = self.lock.exclusive or isinstance(fate, TookEffect)
            if is_over or self.ledger.is_dead(entry):
                self.settle(entry, mark)
            elif isinstance(fate, Overtaken):
                self._end(entry, mark)  # silently: it may still live, but it can no longer commit

    def settle_orphans(self) -> None:
        """Settle the unfinished attempts at all revisions, without waiting for living ones."""
        for entry in self.ledger.unfinished():
            self.settle_if_free(entry.revision)
        self._settle_late_commits()

    def settle_if_free(self, revision: str) -> bool:
        """Settle a revision's unfinished attempts unless a living run holds its lock.

        Returns:
            Whether the lock was free.
        """
        with holding(self.lock, revision) as obtained:
            if obtained:
                self.settle_revision(revision)
        return obtained

    def settle(self, entry: LogEntry, mark: Mark | None) -> None:
        """Settle an attempt that is known to be over.

        The log entry may already be ``interrupted``. After a client dies, its lock is free, but the
        server may still finish the commit, so that the mark appears later.
        """
        if status := self._end(entry, mark):
            self.emit(Settled(entry.revision, entry.id, status))

    def settle_own(self, revision: str) -> None:
        """Settle an attempt of this process that was interrupted while its entry was written."""
        if not self.lock.exclusive:
            return
        with suppress(SQLAlchemyError):
            for entry in filter(self.ledger.is_own, self.ledger.unfinished(revision)):
                if self._end(entry, read_mark(self.home, revision)) == Status.INTERRUPTED:
                    self.emit(Interrupted(revision, entry.id))

    def _settle_late_commits(self) -> None:
        unproven = self.ledger.unproven()
        if not unproven:
            return
        marks = read_marks_of(self.home, {entry.revision for entry in unproven})
        for entry in unproven:
            mark = marks.get(entry.revision)
            if isinstance(decide(entry.attempt_id, mark), TookEffect):
                self.settle(entry, mark)

    def _end(self, entry: LogEntry, mark: Mark | None) -> Status | None:
        """Record the end; return ``None`` if the entry's status has changed since it was read."""
        fate = decide(entry.attempt_id, mark)
        if isinstance(fate, TookEffect):
            return Status.SUCCESS if self.ledger.recover(entry, fate.mark) else None
        return Status.INTERRUPTED if self.ledger.give_up(entry) else None
