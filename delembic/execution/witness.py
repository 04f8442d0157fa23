"""Did the transaction that a migration was given stay one transaction?

A migration may commit by itself, on purpose or by a MySQL DDL statement. That works, but what was
committed before cannot be rolled back any more, and people have to be told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from delembic.database.driver_errors import error_number

_SAVEPOINT = "delembic_attempt"
_DEADLOCK = 1213
"""ER_LOCK_DEADLOCK of MySQL and MariaDB."""


class Witness(Protocol):
    """Watches one transaction, made right after it began."""

    transaction_id: int | None
    """The server's number of the transaction, where a lost commit can be traced by it."""

    def intact(self) -> bool:
        """Before the commit: is it still the transaction that was begun?"""

    def roll_back(self, error: BaseException | None) -> bool:
        """Roll back, after an error or without, and tell whether that undid everything."""


class PostgresqlWitness:
    """Knows the transaction by its id, and its fate by ``txid_status``."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.transaction_id: int | None = self._current()

    def intact(self) -> bool:
        """See `Witness`."""
        return self._current() == self.transaction_id

    def roll_back(self, error: BaseException | None) -> bool:
        """See `Witness`."""
        self._conn.rollback()
        return transaction_status(self._conn, self.transaction_id) != "committed"

    def _current(self) -> int:
        return int(self._conn.exec_driver_sql("SELECT txid_current()").scalar_one())


class SavepointWitness:
    """For MySQL and MariaDB: sets a savepoint, which any commit takes away."""

    transaction_id: int | None = None

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        conn.exec_driver_sql(f"SAVEPOINT {_SAVEPOINT}")

    def intact(self) -> bool:
        """See `Witness`."""
        try:
            self._conn.exec_driver_sql(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return False
        return True

    def roll_back(self, error: BaseException | None) -> bool:
        """See `Witness`."""
        whole = self._was_deadlock(error) or self.intact()
        self._conn.rollback()
        return whole

    def _was_deadlock(self, error: BaseException | None) -> bool:
        """Whether the server itself has rolled everything back, to end a deadlock.

        The driver's own error is looked for, whether SQLAlchemy has put one around it or not.
        """
        of_driver = self._conn.dialect.loaded_dbapi.Error
        while error:
            if isinstance(error, of_driver) and error_number(error) == _DEADLOCK:
                return True
            error = error.__cause__ or error.__context__
        return False


class SqliteWitness:
    """Asks the driver, which is outside of any transaction once somebody has ended ours."""

    transaction_id: int | None = None

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def intact(self) -> bool:
        """See `Witness`."""
        driver: Any = self._conn.connection.driver_connection
        return bool(driver.in_transaction)

    def roll_back(self, error: BaseException | None) -> bool:
        """See `Witness`."""
        intact = self.intact()
        self._conn.rollback()
        return intact


class BlindWitness:
    """For any other database: trusts."""

    transaction_id: int | None = None

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def intact(self) -> bool:
        """See `Witness`."""
        return True

    def roll_back(self, error: BaseException | None) -> bool:
        """See `Witness`."""
        self._conn.rollback()
        return True


_WITNESSES: dict[str, Callable[[Connection], Witness]] = {
    "postgresql": PostgresqlWitness,
    "mysql": SavepointWitness,
    "mariadb": SavepointWitness,
    "sqlite": SqliteWitness,
}


def call_witness(conn: Connection) -> Witness:
    """Return the witness that fits the connection's database."""
    return _WITNESSES.get(conn.dialect.name, BlindWitness)(conn)


def transaction_status(conn: Connection, transaction_id: int | None) -> str | None:
    """Return what PostgreSQL knows of a transaction: in progress, committed or aborted."""
    query = text("SELECT txid_status(:id)")
    status: str | None = conn.execute(query, {"id": transaction_id}).scalar_one()
    return status
