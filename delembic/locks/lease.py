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
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from delembic.audit.tables import OPTIONS, ensure
from delembic.database.columns import UtcDateTime
from delembic.database.connections import autocommitting_apart, execute_reconnecting
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
    Column("lease_seconds", Double),
    **OPTIONS,
)
"""One row for each revision that was ever run under a lease. Without an owner, it is free.

``expires_at`` is the expiry of a lease that was not renewed yet, or that an earlier version holds.
"""


renewal_table = Table(
    "delembic_lease_renewal",
    MetaData(),
    Column("revision", String(255), primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    **OPTIONS,
)
"""When the lease with a fencing number expires, if it was ever renewed."""


_of_fence = (renewal_table.c.revision == lease_table.c.revision) & (
    renewal_table.c.fence == lease_table.c.fence
)
_terms_of = (
    select(
        lease_table.c.owner,
        lease_table.c.fence,
        lease_table.c.lease_seconds,
        func.coalesce(renewal_table.c.expires_at, lease_table.c.expires_at).label("expires_at"),
    )
    .select_from(lease_table.outerjoin(renewal_table, _of_fence))
    .where(lease_table.c.revision == bindparam("of_revision"))
)


class LeaseLock(Lock):
    """The leases of one run.

    Args:
        conn: The home connection.
        lease_seconds: How long a lease lasts without renewal.
    """

    exclusive = True

    def __init__(self, conn: Connection, lease_seconds: float = LEASE_SECONDS) -> None:
        ensure(conn, lease_table)
        ensure(conn, renewal_table)
        self._conn = conn
        self._seconds = lease_seconds
        self._owner = str(uuid.uuid4())
        self._renewals: dict[str, _Renewal] = {}

    def try_acquire(self, revision: str) -> bool:
        """See `Lock`."""
        fence = self._take_over(revision) or self._take_first(revision)
        if fence is None:
            return False
        lease = _Lease(revision, self._owner, fence)
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
        touch = update(lease_table).where(lease.is_ours).values(fence=lease.fence)
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
        table = lease_table.c
        unchanged = (table.revision == revision) & (table.fence == fence)
        values = {"fence": fence + 1, **self._terms(now)}
        taken = update(lease_table).where(unchanged).values(values)
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
        row = execute_reconnecting(self._conn, _terms_of, {"of_revision": revision}).one_or_none()
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
            execute_reconnecting(self._conn, insert(lease_table).values(values))
        except IntegrityError:
            self._conn.rollback()
            return None
        return 1

    def _is_held(self, lease: _Lease) -> bool:
        query = select(lease_table.c.fence).where(lease.is_ours)
        return execute_reconnecting(self._conn, query).first() is not None

    def _free(self, lease: _Lease) -> bool:
        free = update(lease_table).where(lease.is_ours).values(owner=None)
        return execute_reconnecting(self._conn, free).rowcount == 1

    def _terms(self, now: datetime) -> dict[str, Any]:
        return {
            "owner": self._owner,
            "expires_at": now + timedelta(seconds=self._seconds),
            "lease_seconds": self._seconds,
        }


class _Lease:
    """A lease that one run holds."""

    def __init__(self, revision: str, owner: str, fence: int) -> None:
        self.revision = revision
        self.fence = fence
        table = lease_table.c
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
            self._conn = stack.enter_context(autocommitting_apart(engine))
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
        table = renewal_table.c
        known = (table.revision == self.lease.revision) & (table.fence <= self.lease.fence)
        renewed = update(renewal_table).where(known).values(values)
        return execute_reconnecting(self._conn, renewed).rowcount == 1

    def _insert(self, values: dict[str, Any]) -> bool:
        row = {"revision": self.lease.revision, **values}
        try:
            execute_reconnecting(self._conn, insert(renewal_table).values(row))
        except IntegrityError:
            self._conn.rollback()
            return False
        return True


def database_time(conn: Connection) -> datetime:
    """Return the current time of the database's clock."""
    clock = type_coerce(kind_of(conn.dialect.name).clock(), UtcDateTime)
    now: datetime = execute_reconnecting(conn, select(clock)).scalar_one()
    return now
