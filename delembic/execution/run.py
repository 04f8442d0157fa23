"""What all attempts of one run share: the connections, the ledger, the lock, the listener."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import Connection, Engine

from delembic.audit.ledger import Ledger
from delembic.audit.marks import Mark, read_applied, read_mark
from delembic.audit.program import Program
from delembic.audit.share import claim_share
from delembic.audit.tables import ensure, tables_of
from delembic.config import Config
from delembic.database.opening import Database
from delembic.database.places import home_of, recording
from delembic.errors import LockTimeoutError
from delembic.events import Listener, LockLost, Waiting
from delembic.execution.settlement import Settlement
from delembic.locks.choice import make_lock
from delembic.locks.lock import Lock, holding


@dataclass(frozen=True, slots=True)
class Run:
    """The resources of one run; see `open_run`.

    Attributes:
        work: The work database, on which each attempt opens its own work connection.
        home: The home connection, for the lock and the marks.
        ledger: The audit log, on the metadata connection.
        lock: The lock that excludes other runs.
        lock_timeout_seconds: How long to wait for the lock.
        emit: Gets every event.
        schema: The schema of the marks; ``None`` if the name of their table has to do.
        stop_at: When the run is to stop, by `time.monotonic`; ``None`` if never.
    """

    work: Engine
    home: Connection
    ledger: Ledger
    lock: Lock
    lock_timeout_seconds: float
    emit: Listener
    schema: str | None = None
    stop_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the time of the run is up, so that nothing more is to begin."""
        return self.stop_at is not None and monotonic() >= self.stop_at

    @property
    def settlement(self) -> Settlement:
        """The settlement of dead attempts, on behalf of this run."""
        return Settlement(self.ledger, self.home, self.lock, self.emit)

    def unapplied(self, revisions: Sequence[str]) -> tuple[str, ...]:
        """Return those of some revisions that are not applied, read afresh."""
        applied = read_applied(self.home, revisions) if revisions else frozenset[str]()
        return tuple(revision for revision in revisions if revision not in applied)

    def mark(self, revision: str) -> Mark | None:
        """Return the mark of a revision, read afresh."""
        return read_mark(self.home, revision)

    @contextmanager
    def holding(self, revision: str) -> Iterator[None]:
        """Hold a revision's lock during the block, after settling its dead attempts.

        Raises:
            LockTimeoutError: Another run held the lock for too long.
        """
        timeout = self.lock_timeout_seconds
        with holding(
            self.lock,
            revision,
            timeout,
            on_wait=lambda: self._wait(revision),
            on_lost=lambda: self.emit(LockLost(revision)),
        ) as obtained:
            if not obtained:
                raise LockTimeoutError(revision, self._holder(revision), timeout)
            try:
                self.settlement.settle_revision(revision)
                yield
            except BaseException as error:
                if not isinstance(error, Exception):
                    self.settlement.settle_own(revision)
                raise

    def _wait(self, revision: str) -> None:
        self.emit(Waiting(revision, self._holder(revision)))

    def _holder(self, revision: str) -> str:
        """Name the holder; where revisions share one lock, it may hold it for another revision."""
        running = self.ledger.unfinished(revision) or self.ledger.unfinished()
        if not running:
            return "another run"
        other = running[-1]
        lock_of = "" if other.revision == revision else f" for {other.revision}"
        return f"{other.who}{lock_of} since {other.started_at.isoformat(' ', 'seconds')}"


@contextmanager
def open_run(
    database: Database,
    config: Config,
    program: Program,
    emit: Listener,
    lock_timeout_seconds: float | None = None,
) -> Iterator[Run]:
    """Connect, create or upgrade delembic's tables, and close the connections at the end.

    Args:
        database: The engines; the caller disposes of them.
        config: Determines the kind of lock and the timeout.
        program: Who is named in the log entries.
        emit: Gets every event.
        lock_timeout_seconds: Overrides the configured timeout.

    Raises:
        DatabaseUnavailableError: A server does not answer.
    """
    timeout = config.lock_timeout_seconds if lock_timeout_seconds is None else lock_timeout_seconds
    with ExitStack() as stack:
        home = stack.enter_context(recording(database.work))
        metadata = home
        if database.is_split:
            metadata = stack.enter_context(recording(database.metadata))
        ensure(home, tables_of(home).version)
        ensure(metadata, tables_of(metadata).history)
        ledger = Ledger(metadata, program, claim_share(home, metadata))
        lock = make_lock(config.lock, home, config.lock_lease_seconds)
        stack.callback(lock.close)
        yield Run(database.work, home, ledger, lock, timeout, emit, home_of(home))
