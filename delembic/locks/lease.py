"""A lock in the form of a row with an expiry, for databases without session locks.

It also works through PgBouncer in transaction mode, where the statements of one client reach the
server in changing sessions, so that a session lock has no effect.

A thread renews the lease on its own connection. If the holder dies, the renewals stop and the lease
expires. A holder that was only paused may resume after that, while another run works on the
revision. So each acquisition gets a higher fencing number, and before a run commits, it must find
its own number in the row, in the transaction of the work. That locks the row until the commit is
over, so nobody can take the lease in between.

The row with the owner and the number is not changed by a renewal, which has a row of its own in a
second table. Otherwise, a transaction that sees a snapshot (``REPEATABLE READ``, or
``innodb_snapshot_isolation`` of MariaDB) could not touch the row at its end.

All times come from the database's clock, because the clocks of hosts differ. That clock may be set
too. If it jumps ahead, a lease may pass to another run while its holder lives, as after a pause. If
it jumps back, a lease would last for as long as the jump. So a lease also counts as expired if its
expiry is further ahead than twice its length.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from delembic.audit.tables import ensure
from delembic.database.columns import UtcDateTime
from delembic.database.connections import execute_reconnecting
from delembic.database.dialects import kind_of
from delembic.database.places import recording
from delembic.errors import DatabaseUnavailableError
from delembic.locks.lease_tables import LeaseTables, lease_tables_of
from delembic.locks.lock import Lock

LEASE_SECONDS = 60.0
_RENEWALS_PER_LEASE = 4


class LeaseLock(Lock):
    """The leases of one run.

    Args:
        conn: The home connection.
        lease_seconds: How long a lease lasts without renewal.
    """

    exclusive = True

    def __init__(self, conn: Connection, lease_seconds: float = LEASE_SECONDS) -> None:
        self._tables = lease_tables_of(conn)
        ensure(conn, self._tables.leases)
        ensure(conn, self._tables.renewals)
        self._conn = conn
        self._seconds = lease_seconds
        self._owner = str(uuid.uuid4())
        self._renewals: dict[str, _Renewal] = {}

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        fence = self._take_over(revision) or self._take_first(revision)
        if fence is None:
            return False
        lease = _Lease(self._tables, revision, self._owner, fence)
        try:
            self._renewals[revision] = _Renewal(self._conn.engine, lease, self._seconds)
        except BaseException:
            self._free(lease)
            raise
        return True

    def release(self, revision: str) -> bool:
        """See `Lock`."""
        renewal = self._renewals.get(revision)
        if renewal is None:
            return False
        renewal.stop()
        del self._renewals[revision]
        return self._free(renewal.lease)

    def confirm(self, revision: str, work: Connection) -> bool:
        """See `Lock`."""
        lease = self._renewals[revision].lease
        touch = update(self._tables.leases).where(lease.is_ours).values(fence=lease.fence)
        try:
            return work.execute(touch).rowcount == 1
        except DBAPIError as error:
            # In a transaction that sees a snapshot, a row that was changed is an error.
            if error.connection_invalidated or self._is_held(lease):
                raise
            return False

    def close(self) -> None:
        """See `Lock`."""
        for renewal in self._renewals.values():
            renewal.stop()
        for revision in list(self._renewals):
            with suppress(DBAPIError):
                self.release(revision)

    def _take_over(self, revision: str) -> int | None:
        now = database_time(self._conn)
        fence = self._free_fence(revision, now)
        if fence is None:
            return None
        table = self._tables.leases.c
        unchanged = (table.revision == revision) & (table.fence == fence)
        values = {"fence": fence + 1, **self._terms(now)}
        taken = update(self._tables.leases).where(unchanged).values(values)
        try:
            return fence + 1 if execute_reconnecting(self._conn, taken).rowcount else None
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            self._conn.rollback()
            if self._free_fence(revision, now) == fence:
                raise
            return None  # another run has taken it at the same time

    def _free_fence(self, revision: str, now: datetime) -> int | None:
        """Return the fencing number of a lease that is free, or whose holder has died."""
        row = self._terms_of(revision)
        if row is None:
            return None
        latest = row.expires_at  # an earlier version does not say how long its leases last
        if row.lease_seconds:
            latest = now + 2 * timedelta(seconds=row.lease_seconds)
        held = row.owner is not None and now <= row.expires_at <= latest
        return None if held else int(row.fence)

    def _take_first(self, revision: str) -> int | None:
        values = {"revision": revision, "fence": 1, **self._terms(database_time(self._conn))}
        try:
            execute_reconnecting(self._conn, insert(self._tables.leases).values(values))
        except IntegrityError:
            self._conn.rollback()
            return None
        return 1

    def _is_held(self, lease: _Lease) -> bool:
        query = select(self._tables.leases.c.fence).where(lease.is_ours)
        return execute_reconnecting(self._conn, query).first() is not None

    def _free(self, lease: _Lease) -> bool:
        free = update(self._tables.leases).where(lease.is_ours).values(owner=None)
        return execute_reconnecting(self._conn, free).rowcount == 1

    def _terms_of(self, revision: str) -> Row[Any] | None:
        values = {"of_revision": revision}
        return execute_reconnecting(self._conn, self._tables.terms, values).one_or_none()

    def _terms(self, now: datetime) -> dict[str, Any]:
        return {
            "owner": self._owner,
            "expires_at": now + timedelta(seconds=self._seconds),
            "lease_seconds": self._seconds,
        }


class _Lease:
    """A lease that one run holds."""

    def __init__(self, tables: LeaseTables, revision: str, owner: str, fence: int) -> None:
        self.tables = tables
        self.revision = revision
        self.fence = fence
        table = tables.leases.c
        self.is_ours = (
            (table.revision == revision) & (table.owner == owner) & (table.fence == fence)
        )


class _Renewal:
    """A thread that renews a lease until it is stopped or the lease is lost.

    Its connection is opened before the work begins, and outside of a user's pool, where the work
    may take the last place.
    """

    def __init__(self, engine: Engine, lease: _Lease, lease_seconds: float) -> None:
        self.lease = lease
        self._seconds = lease_seconds
        self._stopped = threading.Event()
        with ExitStack() as stack:
            self._conn = stack.enter_context(recording(engine))
            self._thread = threading.Thread(target=self._renew, name="delembic lease", daemon=True)
            self._thread.start()
            self._stack = stack.pop_all()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._stack.close()

    def _renew(self) -> None:
        while not self._stopped.wait(self._seconds / _RENEWALS_PER_LEASE):
            try:
                if not self._extend():
                    return
            except (SQLAlchemyError, DatabaseUnavailableError):
                continue  # the database may be back before the lease expires

    def _extend(self) -> bool:
        """Renew the lease, and return whether no later one is known."""
        expiry = database_time(self._conn) + timedelta(seconds=self._seconds)
        values = {"fence": self.lease.fence, "expires_at": expiry}
        return self._update(values) or self._insert(values) or self._update(values)

    def _update(self, values: dict[str, Any]) -> bool:
        table = self.lease.tables.renewals.c
        known = (table.revision == self.lease.revision) & (table.fence <= self.lease.fence)
        renewed = update(self.lease.tables.renewals).where(known).values(values)
        return execute_reconnecting(self._conn, renewed).rowcount == 1

    def _insert(self, values: dict[str, Any]) -> bool:
        row = {"revision": self.lease.revision, **values}
        try:
            execute_reconnecting(self._conn, insert(self.lease.tables.renewals).values(row))
        except IntegrityError:
            self._conn.rollback()
            return False
        return True


def database_time(conn: Connection) -> datetime:
    """Return the current time of the database's clock."""
    clock = type_coerce(kind_of(conn.dialect.name).clock(), UtcDateTime)
    now: datetime = execute_reconnecting(conn, select(clock)).scalar_one()
    return now
