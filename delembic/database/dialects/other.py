"""Any other database. Nothing is assumed about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

from sqlalchemy import ColumnElement, Connection, func
from sqlalchemy.exc import DBAPIError

from delembic.database.dialects.interfaces import Witness
from delembic.database.dialects.kind import DatabaseKind
from delembic.database.dialects.loads.cargo import Cargo, Hold, Landed
from delembic.database.dialects.loads.inserting import insert_pages
from delembic.database.sessions import ending_session, is_autocommitting, leave_autocommit
from delembic.status import TransactionState

SAVEPOINT = "delembic_attempt"


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
        leave_autocommit(conn)
        with ending_session(conn):
            yield

    @contextmanager
    def snapshot(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`. The isolation level is the default of the database."""
        with ending_session(conn):
            yield

    def load(self, conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
        """See `DatabaseKind`."""
        return insert_pages(conn, hold, cargo, "nothing faster is known on this database")

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return TrustingWitness(conn)


class TrustingWitness:
    """Believes that the transaction is the one that was begun. The base of the other witnesses."""

    transaction_id: int | None = None

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.watch()

    def watch(self) -> None:
        """See `Witness`."""

    def look(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        return TransactionState.OPEN

    def come_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        return TransactionState.OPEN

    def roll_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        self._conn.rollback()
        return TransactionState.OPEN

    def has_committed(self) -> bool:
        """See `Witness`."""
        return False

    def outside(self) -> bool:
        """See `Witness`."""
        return is_autocommitting(self._conn)

    def kept_rows(self) -> bool:
        """See `Witness`."""
        return False


class SavepointWitness(TrustingWitness):
    """Sets a savepoint, which the end of the transaction takes away, whoever ends it and how."""

    _question: ClassVar[str] = f"ROLLBACK TO SAVEPOINT {SAVEPOINT}"
    """Works while the transaction is open, even in one that the server has given up."""
    _came_back = False
    """Only statements of delembic's own have been sent since."""

    def watch(self) -> None:
        """See `Witness`."""
        self._conn.exec_driver_sql(f"SAVEPOINT {SAVEPOINT}")

    def look(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        if not self._is_done(f"RELEASE SAVEPOINT {SAVEPOINT}"):
            return self._ended(errors)
        SavepointWitness.watch(self)  # the commit may fail, and leave the transaction open
        return TransactionState.OPEN

    def come_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        if self._is_done(f"RELEASE SAVEPOINT {SAVEPOINT}"):
            self._came_back = True
            return TransactionState.OPEN
        return self._ended(errors)

    def roll_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        came_back = self._came_back or self._is_commit_refused()
        is_open = came_back or self._is_done(self._question)
        state = TransactionState.OPEN if is_open else self._ended(errors)
        self._conn.rollback()
        return state

    def _ended(self, errors: Collection[int]) -> TransactionState:
        """Tell how the watched transaction ended: it is no longer open."""
        return TransactionState.COMMITTED

    def _is_done(self, statement: str) -> bool:
        try:
            self._conn.exec_driver_sql(statement)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return False
        return True

    def _is_commit_refused(self) -> bool:
        """Whether a COMMIT has raised an error, which commits nothing and ends the transaction."""
        transaction = self._conn.get_transaction()
        return transaction is not None and not transaction.is_active
