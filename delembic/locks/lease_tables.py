"""The tables in which leases are kept."""

from __future__ import annotations

from functools import cache

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
    select,
)

from delembic.audit.tables import OPTIONS
from delembic.database.columns import UtcDateTime
from delembic.database.places import place_of


class LeaseTables:
    """The tables of a project's leases.

    Attributes:
        leases: One row for each revision that was ever run under a lease. Without an owner, it is
            free. ``expires_at`` is the expiry of a lease that was not renewed yet, or that an
            earlier version holds.
        renewals: When the lease with a fencing number expires, if it was ever renewed.
        terms: The query for the lease of a revision.
    """

    def __init__(self, prefix: str) -> None:
        self.leases = Table(
            f"{prefix}_lease",
            MetaData(),
            Column("revision", String(255), primary_key=True),
            Column("owner", String(36)),
            Column("fence", Integer, nullable=False),
            Column("expires_at", UtcDateTime, nullable=False),
            Column("lease_seconds", Double),
            **OPTIONS,
        )
        self.renewals = Table(
            f"{prefix}_lease_renewal",
            MetaData(),
            Column("revision", String(255), primary_key=True),
            Column("fence", Integer, nullable=False),
            Column("expires_at", UtcDateTime, nullable=False),
            **OPTIONS,
        )
        lease, renewal = self.leases.c, self.renewals.c
        expiry = func.coalesce(renewal.expires_at, lease.expires_at).label("expires_at")
        renewed = (renewal.revision == lease.revision) & (renewal.fence == lease.fence)
        self.terms = (
            select(lease.owner, lease.fence, lease.lease_seconds, expiry)
            .select_from(self.leases.outerjoin(self.renewals, renewed))
            .where(lease.revision == bindparam("of_revision"))
        )


@cache
def _tables_with(prefix: str) -> LeaseTables:
    return LeaseTables(prefix)


def lease_tables_of(conn: Connection | Engine) -> LeaseTables:
    """Return the tables of the leases, for the project of a connection."""
    return _tables_with(place_of(conn).prefix)
