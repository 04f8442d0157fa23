"""Chooses the lock for a configuration."""

from __future__ import annotations

from sqlalchemy import Connection

from delembic.config import VERSION_TABLE, LockKind
from delembic.database.dialects import kind_of
from delembic.database.places import home_of, place_of
from delembic.errors import ConfigurationError
from delembic.locks.file import DatabaseFileLock
from delembic.locks.lease import LEASE_SECONDS, LeaseLock
from delembic.locks.lock import Lock, NoLock
from delembic.locks.session import SessionLock


def make_lock(kind: LockKind, conn: Connection, lease_seconds: float = LEASE_SECONDS) -> Lock:
    """Return the lock for a configuration.

    Args:
        kind: The kind of lock; ``auto`` chooses by the database.
        conn: The home connection; it must stay open as long as the lock is used.
        lease_seconds: How long a lease lasts without renewal.

    Raises:
        ConfigurationError: The database has no lock of that kind.
    """
    database = kind_of(conn.dialect.name)
    fitting = database.locks_of(conn.engine.url)
    chosen = fitting[0] if kind == "auto" else kind
    if chosen not in fitting:
        raise ConfigurationError(
            f"lock = {kind} does not work with the database {conn.dialect.name}.",
            f"Set lock = auto, which uses {fitting[0]} there.",
        )
    file = database.file(conn.engine.url)
    match chosen:
        case "lease":
            return LeaseLock(conn, lease_seconds)
        case "advisory":
            return SessionLock(database.session_locks(conn, _scope(conn)))
        case "file" if file:
            return DatabaseFileLock(file)
        case _:
            return NoLock()


def _scope(conn: Connection) -> str:
    """Name the project in its database; that of a project with the usual tables is its schema."""
    schema, name = home_of(conn) or "", place_of(conn).version_table
    return schema if name == VERSION_TABLE else f"{schema}.{name}"
