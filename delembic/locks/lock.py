"""A lock for each revision, so that only one run works on it at a time.

All locks are *try* locks that are polled. The blocking form of PostgreSQL's advisory lock would
hold a snapshot while it waits. ``CREATE INDEX CONCURRENTLY`` in another session would wait for that
snapshot, which is a deadlock.

The lock does not ensure that a migration takes effect only once. The mark in ``delembic_version``
does that (see `delembic.audit.marks`). The lock saves work that would be rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    stop_after_delay,
    wait_random_exponential,
)

from delembic.errors import DatabaseUnavailableError


class Lock(Protocol):
    """A lock for each revision of one database."""

    exclusive: bool
    """Whether holding the lock proves that nobody else is working on the revision."""

    def try_acquire(self, revision: str) -> bool:
        """Take the revision's lock if it is free, without waiting."""

    def release(self, revision: str) -> bool:
        """Release the lock, and return whether it was still held."""

    def confirm(self, revision: str, work: Connection) -> bool:
        """Return, in the transaction of the work, whether this run still holds the lock.

        Most locks cannot pass to another run while their holder lives.

        Args:
            revision: The revision whose lock is checked.
            work: The work connection. Statements on it are committed with the work.
        """
        return True

    def close(self) -> None:
        """Release whatever is still held, at the end of the run."""
        return None


class NoLock(Lock):
    """A lock that is always free, for an in-memory database or with ``lock = none``."""

    exclusive = False

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        return True

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        return True


def _ignore() -> None:
    return None


@contextmanager
def holding(
    lock: Lock,
    revision: str,
    timeout_seconds: float = 0.0,
    *,
    on_wait: Callable[[], None] = _ignore,
    on_lost: Callable[[], None] = _ignore,
) -> Iterator[bool]:
    """Hold a revision's lock during a block, if it can be obtained. Every lock is taken here.

    However the block ends, the lock is released. If the block raises, its error is the one that
    counts: a failure to release is ignored then. The lock of a lost session is free, and a lease
    that is no longer renewed expires.

    Args:
        lock: The lock.
        revision: The revision to lock.
        timeout_seconds: How long to keep trying; 0 tries once.
        on_wait: As for `acquire`.
        on_lost: Called at the end, if the lock was no longer held.

    Yields:
        Whether the lock was obtained.
    """
    obtained = None  # not known: a signal may interrupt the taking
    try:
        obtained = acquire(lock, revision, timeout_seconds, on_wait)
        yield obtained
    except BaseException:
        with suppress(SQLAlchemyError, DatabaseUnavailableError):
            if obtained is not False and not release(lock, revision) and obtained:
                on_lost()
        raise
    if obtained and not release(lock, revision):
        on_lost()


def acquire(lock: Lock, revision: str, timeout_seconds: float, on_wait: Callable[[], None]) -> bool:
    """Try to take a revision's lock, with growing and jittered pauses.

    Args:
        lock: The lock.
        revision: The revision to lock.
        timeout_seconds: How long to keep trying; 0 tries once.
        on_wait: Called once, if the first try finds the lock taken.

    Returns:
        Whether the lock was obtained.
    """

    def before_sleep(state: RetryCallState) -> None:
        if state.attempt_number == 1:
            on_wait()

    return Retrying(
        retry=retry_if_result(lambda obtained: not obtained),
        stop=stop_after_delay(timeout_seconds),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        before_sleep=before_sleep,
        retry_error_callback=lambda state: False,
    )(lock.try_acquire, revision)


def release(lock: Lock, revision: str) -> bool:
    """Release a lock, and return whether it was still held; false if its connection was lost."""
    try:
        return lock.release(revision)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return False
