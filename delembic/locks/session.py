"""A lock that the server keeps for our session, and frees when that ends."""

from __future__ import annotations

from delembic.database.dialects import SessionLocks
from delembic.locks.lock import Lock


class SessionLock(Lock):
    """PostgreSQL's advisory locks, or the named locks of MySQL and MariaDB.

    Args:
        locks: Those of the database, on our session.
    """

    exclusive = True

    def __init__(self, locks: SessionLocks) -> None:
        self._locks = locks

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        return self._locks.try_acquire(revision)

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        return self._locks.release(revision)
