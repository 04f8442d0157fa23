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

from delembic.audit.lease import LEASE_SECONDS, LeaseLock
from delembic.config import LockKind
from delembic.database.connections import connect, execute_reconnecting, is_memory
from delembic.database.urls import sqlite_file
from delembic.errors import ConfigurationError


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


class AdvisoryLock(Lock):
    """PostgreSQL's session-level advisory lock, on the given connection.

    Such locks belong to a database, so the schema and the revision make the key.

    Raises:
        ConfigurationError: The session is not ours alone.
    """

    exclusive = True

    def __init__(self, conn: Connection) -> None:
        if _is_lent_out(conn):
            raise ConfigurationError(
                "The server is behind a pooler that lends sessions out after each transaction, as"
                " PgBouncer does in transaction mode: a lock of the session means nothing there.",
                "Write lock = lease.",
            )
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
        query = text(f"SELECT {function}(:key)").bindparams(key=key)
        return bool(execute_reconnecting(self._conn, query).scalar_one())


class NamedLock(Lock):
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
        query = text(f"SELECT {function}").bindparams(name=name)
        return bool(execute_reconnecting(self._conn, query).scalar_one())


class DatabaseFileLock(Lock):
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


class NoLock(Lock):
    """Always free: for a database in memory, or because the user said so."""

    exclusive = False

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        return True

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        return True


def make_lock(kind: LockKind, conn: Connection, lease_seconds: float = LEASE_SECONDS) -> Lock:
    """Return the lock that a configuration asks for.

    Args:
        kind: ``auto`` chooses by the database.
        conn: In autocommit mode, on the work database; held open as long as the lock is used.
        lease_seconds: How long a lease lasts without a renewal.

    Raises:
        ConfigurationError: The database has no lock of that kind.
    """
    dialect = conn.dialect.name
    fitting = _FITTING.get(dialect, ("lease", "none"))
    if is_memory(conn.engine):
        fitting = ("none",)
    chosen = fitting[0] if kind == "auto" else kind
    if chosen not in fitting:
        raise ConfigurationError(
            f"lock = {kind} does not fit the database {dialect}.",
            f"Write lock = auto, which takes {fitting[0]} there.",
        )
    return _make(chosen, conn, lease_seconds)


def _make(kind: str, conn: Connection, lease_seconds: float) -> Lock:
    if kind == "lease":
        return LeaseLock(conn, lease_seconds)
    if kind == "file" and (file := sqlite_file(conn.engine.url)):
        return DatabaseFileLock(file)
    if kind == "advisory":
        return AdvisoryLock(conn) if conn.dialect.name == "postgresql" else NamedLock(conn)
    return NoLock()


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


# What each database can do, the best first. SQLite has no lease: the work holds the only write
# lock there is, and nothing could renew it.
_FITTING = {
    "postgresql": ("advisory", "lease", "none"),
    "mysql": ("advisory", "lease", "none"),
    "mariadb": ("advisory", "lease", "none"),
    "sqlite": ("file", "none"),
}


def _is_lent_out(conn: Connection) -> bool:
    """Whether a pooler has been caught giving a PostgreSQL session to two connections.

    A pooler has told the driver a number of its own for the process that serves it. One that keeps
    a session for one connection as long as that lives gives another connection another process.
    """
    told = getattr(getattr(conn.connection.driver_connection, "info", None), "backend_pid", None)
    ours = conn.execute(_PROCESS).scalar_one()
    if told in (None, ours):
        return False
    with connect(conn.engine) as other:
        return bool(other.execute(_PROCESS).scalar_one() == ours)


_PROCESS = text("SELECT pg_backend_pid()")


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(("delembic", *parts)).encode()).digest()
