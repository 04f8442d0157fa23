"""One lock for each kind of database, so that a revision is run by one runner at a time.

All of them are *try* locks that are polled. The blocking form of PostgreSQL's advisory lock would
hold a snapshot while it waits, which ``CREATE INDEX CONCURRENTLY`` in another session waits for in
turn: a deadlock that other tools have shipped.

The lock is not what makes a migration take effect only once, the mark in ``delembic_version`` is
(see `delembic.audit.marks`). It spares runners the work that the mark would make them roll back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    stop_after_delay,
    wait_random_exponential,
)

from delembic.config import LockKind
from delembic.database import sqlite_file
from delembic.errors import ConfigurationError


class Lock(Protocol):
    """A lock for each revision of one database."""

    exclusive: bool
    """Whether holding it proves that nobody else is at work on the revision."""

    def try_acquire(self, revision: str) -> bool:
        """Take the revision's lock if it is free, without waiting for it."""

    def release(self, revision: str) -> bool:
        """Give the lock back; false if it was lost in between, with its session."""


class AdvisoryLock:
    """PostgreSQL's session-level advisory lock, on the given connection.

    Such locks belong to a database, so the schema and the revision make the key.
    """

    exclusive = True

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._schema = conn.execute(text("SELECT current_schema()")).scalar_one_or_none() or ""

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        return self._call("pg_try_advisory_lock", revision)

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        return self._call("pg_advisory_unlock", revision)

    def _call(self, function: str, revision: str) -> bool:
        key = int.from_bytes(_digest(self._schema, revision)[:8], "big", signed=True)
        query = text(f"SELECT {function}(:key)")
        return bool(self._conn.execute(query, {"key": key}).scalar_one())


class NamedLock:
    """``GET_LOCK`` of MySQL and MariaDB, on the given connection.

    Such locks belong to the server, so the database's name is part of the lock's.
    """

    exclusive = True

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._database = conn.execute(text("SELECT DATABASE()")).scalar_one_or_none() or ""

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        return self._call("GET_LOCK(:name, 0)", revision)

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        return self._call("RELEASE_LOCK(:name)", revision)

    def _call(self, function: str, revision: str) -> bool:
        name = f"delembic:{_digest(self._database, revision).hex()[:48]}"
        return bool(self._conn.execute(text(f"SELECT {function}"), {"name": name}).scalar_one())


class DatabaseFileLock:
    """A lock file beside a SQLite database, which the kernel frees when its process dies.

    SQLite lets one connection write at a time, so all revisions share the lock.
    """

    exclusive = True

    def __init__(self, database: Path) -> None:
        # Not thread-local: whoever holds this object holds the lock, on whatever thread.
        self._lock = FileLock(f"{database}.delembic-lock", thread_local=False)

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        self._lock.release()
        return True


class NoLock:
    """Always free: for a database in memory, or because the user said so."""

    exclusive = False

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        return True

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        return True


def make_lock(kind: LockKind, conn: Connection) -> Lock:
    """Return the lock that a configuration asks for.

    Args:
        kind: ``auto`` chooses by the database.
        conn: In autocommit mode, on the work database; held open as long as the lock is used.

    Raises:
        ConfigurationError: The database has no lock of that kind.
    """
    dialect = conn.dialect.name
    if kind == "none":
        return NoLock()
    if dialect == "postgresql" and kind != "file":
        return AdvisoryLock(conn)
    if dialect in ("mysql", "mariadb") and kind != "file":
        return NamedLock(conn)
    if dialect == "sqlite" and kind != "advisory" and (file := sqlite_file(conn.engine.url)):
        return DatabaseFileLock(file)
    if kind == "auto":
        return NoLock()
    raise ConfigurationError(
        f"lock = {kind} does not fit the database {dialect}.",
        "Write lock = auto, which takes what fits.",
    )


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


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(("delembic", *parts)).encode()).digest()
