"""MySQL and MariaDB: named locks of the server, and DDL that commits implicitly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, func, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from delembic.database.connections import execute_reconnecting
from delembic.database.dialects.keys import digest
from delembic.database.dialects.kind import SessionLocks, Witness
from delembic.database.dialects.other import Other, ending_session
from delembic.database.driver_errors import error_number

_SAVEPOINT = "delembic_attempt"
_DEADLOCK = 1213
"""ER_LOCK_DEADLOCK."""


class MySQL(Other):
    """See `DatabaseKind`."""

    names: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")
    locks: ClassVar[tuple[str, ...]] = ("advisory", "lease", "none")
    # Revisions are case- and accent-sensitive, whatever the server's collation is.
    table_options: ClassVar[dict[str, str]] = {
        "engine": "InnoDB",
        "charset": "utf8mb4",
        "collate": "utf8mb4_bin",
    }

    def session_locks(self, conn: Connection) -> SessionLocks:
        """See `DatabaseKind`."""
        return NamedLock(conn)

    def clock(self) -> ColumnElement[datetime]:
        """See `DatabaseKind`."""
        return func.utc_timestamp(6)

    def moment_type(self) -> TypeEngine[Any]:
        """Keep microseconds, which a plain DATETIME cuts off."""
        from sqlalchemy.dialects.mysql import DATETIME

        return DATETIME(fsp=6)

    def long_text_type(self) -> TypeEngine[Any]:
        """Hold 16 megabytes; a plain TEXT holds 65,535 bytes."""
        from sqlalchemy.dialects.mysql import MEDIUMTEXT

        return MEDIUMTEXT()

    @contextmanager
    def snapshot(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`."""
        conn.execution_options(isolation_level="REPEATABLE READ")
        with ending_session(conn):
            yield

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return SavepointWitness(conn)


class NamedLock:
    """The locks of ``GET_LOCK``.

    Such locks belong to the server, so the name of the database is part of the lock's name.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._database = _database(conn) or ""

    def try_acquire(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("GET_LOCK(:name, 0)", revision)

    def release(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("RELEASE_LOCK(:name)", revision)

    def _call(self, function: str, revision: str) -> bool:
        name = f"delembic:{digest(self._database, revision).hex()[:48]}"
        query = text(f"SELECT {function}").bindparams(name=name)
        return bool(execute_reconnecting(self._conn, query).scalar_one())


class SavepointWitness:
    """Sets a savepoint, which any commit removes."""

    transaction_id: int | None = None

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._database = _database(conn)
        conn.exec_driver_sql(f"SAVEPOINT {_SAVEPOINT}")

    def come_back(self) -> bool:
        """See `Witness`."""
        if self._database is not None:
            name = self._conn.dialect.identifier_preparer.quote_identifier(self._database)
            self._conn.execute(text("USE " + name.replace(":", "\\:")))
        return self._is_intact()

    def roll_back(self, error: BaseException | None) -> bool:
        """See `Witness`."""
        whole = self._was_deadlock(error) or self._is_intact()
        self._conn.rollback()
        return whole

    def _is_intact(self) -> bool:
        try:
            self._conn.exec_driver_sql(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return False
        return True

    def _was_deadlock(self, error: BaseException | None) -> bool:
        """Whether the server itself has rolled everything back, to resolve a deadlock.

        This checks the driver's own error, whether or not SQLAlchemy has wrapped it.
        """
        of_driver = self._conn.dialect.loaded_dbapi.Error
        while error:
            if isinstance(error, of_driver) and error_number(error) == _DEADLOCK:
                return True
            error = error.__cause__ or error.__context__
        return False


def _database(conn: Connection) -> str | None:
    name: str | None = conn.exec_driver_sql("SELECT DATABASE()").scalar_one_or_none()
    return name
