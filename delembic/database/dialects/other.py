"""Any other database: nothing is known of it, so nothing is counted on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

from sqlalchemy import ColumnElement, Connection, func

from delembic.database.dialects.kind import DatabaseKind, Witness


class Other(DatabaseKind):
    """What is done on a database that delembic does not know.

    A lease holds other runners off, and a migration is trusted not to end its transaction.
    """

    names: ClassVar[tuple[str, ...]] = ()
    locks: ClassVar[tuple[str, ...]] = ("lease", "none")

    def clock(self) -> ColumnElement[datetime]:
        """See `DatabaseKind`."""
        return func.now()

    @contextmanager
    def work(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`."""
        with ending_session(conn):
            yield

    @contextmanager
    def snapshot(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`; what the transaction sees is left to the database's default."""
        with ending_session(conn):
            yield

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return TrustingWitness(conn)


class TrustingWitness:
    """Believes that the transaction is the one that was begun."""

    transaction_id: int | None = None

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def come_back(self) -> bool:
        """See `Witness`."""
        return True

    def roll_back(self, error: BaseException | None) -> bool:
        """See `Witness`."""
        self._conn.rollback()
        return True


@contextmanager
def ending_session(conn: Connection) -> Iterator[None]:
    """End the session with its connection, whatever pool a user's ``get_engine`` may have.

    What a migration has set for its session (a role, a search path) would meet whoever is next.
    """
    try:
        yield
    finally:
        # Not earlier: SQLAlchemy does not tell the driver's connection of one that is detached.
        if not conn.closed and not conn.invalidated:
            conn.detach()
