"""A lock for each revision, so that it is run by one runner at a time.

All of them are *try* locks that are polled. The blocking form of PostgreSQL's advisory lock would
hold a snapshot while it waits, which ``CREATE INDEX CONCURRENTLY`` in another session waits for in
turn: a deadlock that other tools have shipped.

The lock is not what makes a migration take effect only once, the mark in ``delembic_version`` is
(see `delembic.audit.marks`). It spares runners the work that the mark would make them roll back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    stop_after_delay,
    wait_random_exponential,
)


class Lock(Protocol):
    """A lock for each revision of one database."""

    exclusive: bool
    """Whether holding it proves that nobody else is at work on the revision."""

    def try_acquire(self, revision: str) -> bool:
        """Take the revision's lock if it is free, without waiting for it."""

    def release(self, revision: str) -> bool:
        """Give the lock back; false if it was lost in between, with its session."""

    def confirm(self, revision: str, work: Connection) -> bool:
        """Tell, in the transaction of the work, whether the lock has not passed to another runner.

        Most locks cannot, while their holder lives.

        Args:
            revision: Which one's.
            work: The work connection; what is asked of it is committed with the work.
        """
        return True


class NoLock(Lock):
    """Always free: for a database in memory, or because the user said so."""

    exclusive = False

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        return True

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        return True


def acquire(lock: Lock, revision: str, timeout_seconds: float, on_wait: Callable[[], None]) -> bool:
    """Try for a revision's lock with growing, jittered pauses.

    Args:
        lock: The lock.
        revision: Which revision.
        timeout_seconds: How long to go on trying; 0 tries once.
        on_wait: Called once, when the first try found the lock taken.

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
    """Give a lock back; false if it was lost in between, with the connection that held it."""
    try:
        return lock.release(revision)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return False
