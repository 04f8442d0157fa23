"""Any other database. Nothing is assumed about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

from sqlalchemy import ColumnElement, Connection, func

from delembic.database.dialects.kind import DatabaseKind, Witness


class Other(DatabaseKind):
    """The behavior on a database that delembic does not know.

    A lease locks out other runs, and a migration is trusted not to end its transaction.
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
        """See `DatabaseKind`. The isolation level is the default of the database."""
        with ending_session(conn):
            yield

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return TrustingWitness(conn)


class TrustingWitness:
    """Assumes that the transaction is the one that was begun."""

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
    """End the session with its connection, whatever pool a user's ``get_engine`` has.

    Otherwise, settings that a migration made for its session (a role, a search path) would affect
    the next user of the connection.
    """
    try:
        yield
    finally:
        # Not earlier, because SQLAlchemy does not expose the driver's connection after a detach.
        if not conn.closed and not conn.invalidated:
            conn.detach()
