"""A lock that the server keeps for a session and frees when the session ends."""

from __future__ import annotations

from delembic.database.dialects import SessionLocks
from delembic.locks.lock import Lock


class SessionLock(Lock):
    """PostgreSQL's advisory locks, or the named locks of MySQL and MariaDB.

    Args:
        locks: The locks of the database, in the session of the home connection.
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
