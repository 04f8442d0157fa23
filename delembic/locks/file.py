"""A lock file beside the database. The kernel frees it when its process dies."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from delembic.locks.lock import Lock


class DatabaseFileLock(Lock):
    """One lock for all revisions, for a database that allows one writer at a time.

    Args:
        database: The database file. The lock is a separate file beside it.
    """

    exclusive = True

    def __init__(self, database: Path) -> None:
        # A database that is reached by a symbolic link has one lock too.
        real = os.path.realpath(database)
        # Not thread-local: the lock belongs to this object, on any thread.
        self._lock = FileLock(f"{real}.delembic-lock", thread_local=False)

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

    def close(self) -> None:
        """See `Lock`."""
        self._lock.release(force=True)
