"""What every attempt of one run shares: the connections, the ledger, the lock, the listener."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from delembic.audit import tables
from delembic.audit.attempts import Attempt
from delembic.audit.ledger import Ledger
from delembic.audit.locks import Lock, acquire, make_lock, release
from delembic.audit.marks import Mark, read_applied, read_mark, read_marks_of
from delembic.audit.program import Program
from delembic.audit.status import Status
from delembic.config import Config
from delembic.database.connections import Database, autocommitting
from delembic.errors import LockTimeoutError
from delembic.events import Interrupted, Listener, LockLost, Settled, Waiting


@dataclass(frozen=True, slots=True)
class Runner:
    """Open for a run; see `open_runner`.

    Attributes:
        work: Where each attempt opens a work connection of its own.
        home: An autocommitting connection to the same database, for the lock and the marks.
        ledger: The audit log, on the metadata connection.
        lock: Holds off other runners.
        lock_timeout_seconds: How long to wait for them.
        emit: Gets every event.
    """

    work: Engine
    home: Connection
    ledger: Ledger
    lock: Lock
    lock_timeout_seconds: float
    emit: Listener

    def unapplied(self, revisions: Sequence[str]) -> tuple[str, ...]:
        """Return which of some revisions have not taken effect, read afresh."""
        applied = read_applied(self.home, revisions) if revisions else frozenset[str]()
        return tuple(revision for revision in revisions if revision not in applied)

    def mark(self, revision: str) -> Mark | None:
        """Return the mark of a revision, read afresh."""
        return read_mark(self.home, revision)

    @contextmanager
    def holding(self, revision: str) -> Iterator[None]:
        """Hold a revision's lock, with all that dead runners left of it settled.

        Raises:
            LockTimeoutError: Another runner held it for too long.
        """
        if not acquire(
            self.lock, revision, self.lock_timeout_seconds, lambda: self._wait(revision)
        ):
            raise LockTimeoutError(revision, self._holder(revision), self.lock_timeout_seconds)
        try:
            self._settle(self.ledger.unfinished(revision))
            yield
        except BaseException as error:
            if not isinstance(error, Exception):
                self._settle_own(revision)
            raise
        finally:
            if not release(self.lock, revision):
                self.emit(LockLost(revision))

    def settle_orphans(self) -> None:
        """Settle what dead runners left of any revision, without waiting for living ones."""
        for attempt in self.ledger.unfinished():
            if self.lock.try_acquire(attempt.revision):
                self._settle(self.ledger.unfinished(attempt.revision))
                release(self.lock, attempt.revision)
        interrupted = self.ledger.interrupted()
        if not interrupted:
            return
        marks = read_marks_of(self.home, {attempt.revision for attempt in interrupted})
        for attempt in interrupted:
            mark = marks.get(attempt.revision)
            if mark and mark.applied and mark.run_id == attempt.run_id:
                self.settle(attempt, mark)

    def settle(self, attempt: Attempt, mark: Mark | None) -> None:
        """End the row of an attempt whose runner died, by what the mark tells.

        So may a row be that counts as interrupted already: a server goes on with a commit whose
        client has died, while the lock is free, and its mark comes to light later.
        """
        if status := self.ledger.settle(attempt, mark):
            self.emit(Settled(attempt.revision, attempt.id, status))

    def _settle_own(self, revision: str) -> None:
        """Settle an attempt that was interrupted right where its row is written."""
        if not self.lock.exclusive:
            return
        with suppress(SQLAlchemyError):
            for attempt in filter(self.ledger.is_own, self.ledger.unfinished(revision)):
                if self.ledger.settle(attempt, self.mark(revision)) == Status.INTERRUPTED:
                    self.emit(Interrupted(revision, attempt.id))

    def _settle(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            mark = self.mark(attempt.revision)
            committed = mark is not None and mark.run_id == attempt.run_id
            if self.lock.exclusive or committed or self.ledger.is_dead(attempt):
                self.settle(attempt, mark)
            elif mark and mark.applied:
                self.ledger.settle(attempt, mark)  # silently: it may live, but commits no more

    def _wait(self, revision: str) -> None:
        self.emit(Waiting(revision, self._holder(revision)))

    def _holder(self, revision: str) -> str:
        """Name the holder; where revisions share a lock it may be at work on another one."""
        running = self.ledger.unfinished(revision) or self.ledger.unfinished()
        if not running:
            return "another runner"
        other = running[-1]
        at = "" if other.revision == revision else f" at {other.revision}"
        return f"{other.who}{at} since {other.started_at.isoformat(' ', 'seconds')}"


@contextmanager
def open_runner(
    database: Database,
    config: Config,
    program: Program,
    emit: Listener,
    lock_timeout_seconds: float | None = None,
) -> Iterator[Runner]:
    """Connect, see to delembic's tables, and close at the end what was opened here.

    Args:
        database: The engines; the caller disposes of them.
        config: Tells the kind of lock, and how long to wait for it.
        program: Who will stand in the audit rows.
        emit: Gets every event.
        lock_timeout_seconds: Instead of the configured one.

    Raises:
        DatabaseUnavailableError: A server does not answer.
    """
    timeout = config.lock_timeout_seconds if lock_timeout_seconds is None else lock_timeout_seconds
    with ExitStack() as stack:
        home = stack.enter_context(autocommitting(database.work))
        metadata = home
        if database.is_split:
            metadata = stack.enter_context(autocommitting(database.metadata))
        tables.ensure(home, tables.version_table)
        tables.ensure(metadata, tables.history_table)
        lock = make_lock(config.lock, home, config.lock_lease_seconds)
        yield Runner(database.work, home, Ledger(metadata, program), lock, timeout, emit)
