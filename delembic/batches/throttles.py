"""What makes a migration in batches wait, between two of its transactions."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection

from delembic.database.dialects import kind_of


@dataclass(frozen=True)
class ReplicationLag:
    """Waits while a replica is behind its primary.

    On PostgreSQL, the role needs ``pg_monitor``. Other databases do not tell their primary.

    Attributes:
        seconds: How far a replica may be behind.

    Raises:
        UnreadableSignalError: When called: nobody can tell how far the replicas are behind.
    """

    seconds: float = 5.0

    def __call__(self, conn: Connection) -> str | None:
        """Return the reason to wait, if there is one."""
        lag = kind_of(conn.dialect.name).replication_lag_seconds(conn)
        if lag is None or lag <= self.seconds:
            return None
        return f"a replica is {lag:.1f} s behind, and may be {self.seconds:g} s"


@dataclass(frozen=True)
class BlockedSessions:
    """Waits while sessions of the database wait for locks.

    Attributes:
        allowed: How many sessions may wait.

    Raises:
        UnreadableSignalError: When called: nobody can tell which sessions wait.
    """

    allowed: int = 0

    def __call__(self, conn: Connection) -> str | None:
        """Return the reason to wait, if there is one."""
        blocked = kind_of(conn.dialect.name).blocked_sessions(conn)
        if blocked <= self.allowed:
            return None
        return f"{blocked} session{' waits' if blocked == 1 else 's wait'} for a lock"


@dataclass(frozen=True)
class Pause:
    """Pauses before each batch.

    Attributes:
        seconds: How long.
    """

    seconds: float = 0.1

    def __call__(self, conn: Connection) -> str | None:
        """Sleep; there is no reason to wait any longer."""
        time.sleep(self.seconds)
        return None
