"""A lock in the form of a row with an expiry, for databases without session locks.

It also works through PgBouncer in transaction mode, where the statements of one client reach the
server in changing sessions, so that a session lock has no effect.

A thread renews the lease on its own connection. If the holder dies, the renewals stop and the lease
expires. A holder that was only paused may resume after that, while another run works on the
revision. So each acquisition gets a higher fencing number, and before a run commits, it must find
its own number in the row, in the transaction of the work. That locks the row until the commit is
over, so nobody can take the lease in between.

All times come from the database's clock, because the clocks of hosts differ.
"""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from delembic.audit.tables import OPTIONS, ensure
from delembic.database.columns import UtcDateTime
from delembic.database.connections import autocommitting, execute_reconnecting
from delembic.database.dialects import kind_of
from delembic.errors import DatabaseUnavailableError
from delembic.locks.lock import Lock

LEASE_SECONDS = 60.0
_RENEWALS_PER_LEASE = 4

lease_table = Table(
    "delembic_lease",
    MetaData(),
    Column("revision", String(255), primary_key=True),
    Column("owner", String(36)),
    Column("fence", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    **OPTIONS,
)
"""One row for each revision that was ever run under a lease. Without an owner, it is free."""


class LeaseLock(Lock):
    """The leases of one run.

    Args:
        conn: The home connection.
        lease_seconds: How long a lease lasts without renewal.
    """

    exclusive = True

    def __init__(self, conn: Connection, lease_seconds: float = LEASE_SECONDS) -> None:
        ensure(conn, lease_table)
        self._conn = conn
        self._seconds = lease_seconds
        self._owner = str(uuid.uuid4())
        self._renewals: dict[str, _Renewal] = {}

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        fence = self._take_over(revision) or self._take_first(revision)
        if fence is None:
            return False
        self._renewals[revision] = _Renewal(
            self._conn.engine, _Lease(revision, self._owner, fence), self._seconds
        )
        return True

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        renewal = self._renewals.pop(revision)
        renewal.stop()
        free = update(lease_table).where(renewal.lease.is_ours).values(owner=None)
        return execute_reconnecting(self._conn, free).rowcount == 1

    def confirm(self, revision: str, work: Connection) -> bool:
        """See `Lock`."""
        lease = self._renewals[revision].lease
        touch = update(lease_table).where(lease.is_ours).values(fence=lease.fence)
        return work.execute(touch).rowcount == 1

    def _take_over(self, revision: str) -> int | None:
        now = database_time(self._conn)
        table = lease_table.c
        query = select(table.fence).where(
            (table.revision == revision) & (table.owner.is_(None) | (table.expires_at < now))
        )
        fence = execute_reconnecting(self._conn, query).scalar_one_or_none()
        if fence is None:
            return None
        unchanged = (table.revision == revision) & (table.fence == fence)
        values = {"owner": self._owner, "fence": fence + 1, "expires_at": self._expiry(now)}
        taken = update(lease_table).where(unchanged).values(values)
        return fence + 1 if execute_reconnecting(self._conn, taken).rowcount else None

    def _take_first(self, revision: str) -> int | None:
        values = {
            "revision": revision,
            "owner": self._owner,
            "fence": 1,
            "expires_at": self._expiry(database_time(self._conn)),
        }
        try:
            execute_reconnecting(self._conn, insert(lease_table).values(values))
        except IntegrityError:
            self._conn.rollback()
            return None
        return 1

    def _expiry(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._seconds)


class _Lease:
    """A lease that one run holds."""

    def __init__(self, revision: str, owner: str, fence: int) -> None:
        self.fence = fence
        table = lease_table.c
        self.is_ours = (
            (table.revision == revision) & (table.owner == owner) & (table.fence == fence)
        )


class _Renewal:
    """A thread that renews a lease until it is stopped or the lease is lost."""

    def __init__(self, engine: Engine, lease: _Lease, lease_seconds: float) -> None:
        self.lease = lease
        self._engine = engine
        self._seconds = lease_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="delembic lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._stopped.wait(self._seconds / _RENEWALS_PER_LEASE):
            try:
                if not self._extend():
                    return
            except (SQLAlchemyError, DatabaseUnavailableError):
                continue  # the database may be back before the lease expires

    def _extend(self) -> bool:
        with autocommitting(self._engine) as conn:
            expiry = database_time(conn) + timedelta(seconds=self._seconds)
            renewed = update(lease_table).where(self.lease.is_ours).values(expires_at=expiry)
            return conn.execute(renewed).rowcount == 1


def database_time(conn: Connection) -> datetime:
    """Return the current time of the database's clock."""
    clock = type_coerce(kind_of(conn.dialect.name).clock(), UtcDateTime)
    now: datetime = execute_reconnecting(conn, select(clock)).scalar_one()
    return now
