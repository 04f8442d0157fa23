"""The interface of a kind of database. Each kind implements it in its own module.

No code outside this folder checks the name of a database. To support another database, derive from
`delembic.database.dialects.other.Other` and override what that database does better; see
``docs/databases.md``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Executable,
    Inspector,
    Table,
    Text,
)
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

from delembic.config import Config
from delembic.database.dialects.interfaces import Name, SessionLocks, Trouble, Witness
from delembic.database.dialects.loads.cargo import Cargo, Hold, Landed, Merge
from delembic.database.repertoire import Repertoire
from delembic.database.sessions import ending_session
from delembic.errors import ConfigurationError, UnreadableSignalError


class DatabaseKind(ABC):
    """One kind of database. It has no state: one instance serves all connections.

    Attributes:
        names: SQLAlchemy's names for the kind, in a URL and in ``engine.dialect.name``.
        locks: The supported values of the setting ``lock``, the best one first.
        table_options: Options for ``CREATE TABLE``, by their keyword for SQLAlchemy's ``Table``,
            without the dialect's name in front.
        keeps_zones: Whether `moment_type` stores the zone of a time.
        tells_keys_apart: Whether an upsert says by which key rows conflict.
        cursors_hold_locks: Whether a cursor with unread rows holds a lock.
        row_values: Whether ``(a, b) > (1, 2)`` finds rows by an index of both columns.
        breath_seconds: How long work in many transactions has to pause now and then, so that other
            programs that write get their turn.
    """

    names: ClassVar[tuple[str, ...]]
    locks: ClassVar[tuple[str, ...]]
    table_options: ClassVar[dict[str, str]] = {}
    keeps_zones: ClassVar[bool] = False
    tells_keys_apart: ClassVar[bool] = True
    cursors_hold_locks: ClassVar[bool] = False
    row_values: ClassVar[bool] = False
    breath_seconds: ClassVar[float] = 0.0

    # --- opening

    def engine_options(self, url: URL, config: Config) -> dict[str, Any]:
        """Return the arguments for ``create_engine``.

        Each migration gets its own connection, which is closed afterwards. So no state of a session
        (a role, a search path, a temporary table) leaks from one migration to the next.
        """
        return {"poolclass": NullPool}

    def prepare(self, engine: Engine) -> None:
        """Do what an engine from a URL needs before its first connection."""
        return None

    def placed(self, url: URL, root: Path) -> URL:
        """Return the URL of a setting, with a relative path resolved from the ini file's folder."""
        return url

    def is_memory(self, url: URL) -> bool:
        """Whether the database is lost when its connection is closed."""
        return False

    # --- locking out other runs

    def locks_of(self, url: URL) -> tuple[str, ...]:
        """Return the supported values of the setting ``lock`` for a URL, the best one first."""
        return self.locks

    def session_locks(self, conn: Connection, scope: str) -> SessionLocks:
        """Return the locks of a session, for ``lock = advisory``.

        Args:
            conn: The home connection; it must stay open as long as the lock is used.
            scope: Names the project in the database; revisions of others have other locks.

        Raises:
            ConfigurationError: The session may be shared with other connections.
        """
        raise ConfigurationError(f"{'/'.join(self.names) or 'The database'} has no session locks.")

    def file(self, url: URL) -> Path | None:
        """Return the database file, if there is one; ``lock = file`` puts its lock beside it."""
        return None

    # --- time and columns

    @abstractmethod
    def clock(self) -> ColumnElement[datetime]:
        """Return an expression for the database's current time, in UTC if it has no zone."""

    def moment_type(self) -> TypeEngine[Any]:
        """Return the type of a column that holds a time to the microsecond."""
        return DateTime(timezone=self.keeps_zones)

    def long_text_type(self) -> TypeEngine[Any]:
        """Return the type of a column that holds a text of several megabytes."""
        return Text()

    def repertoire(self, conn: Connection) -> Repertoire:
        """Return the characters that a connection can carry into its database."""
        return Repertoire()

    def conversion(self, column: Column[Any], table: str, present: TypeEngine[Any]) -> str | None:
        """Return the statement that converts a column of an earlier version, if it needs one.

        Args:
            column: The column as it is defined today.
            table: The table's name, quoted.
            present: The type of the column in the database.
        """
        return None

    def repairs(self, conn: Connection, table: Name, key: str) -> list[str]:
        """Return the statements that make a table reliable which delembic did not make.

        Its rows must be committed and rolled back with the work and survive a crash, and names
        that differ in any way must be different keys. If all of that is so, there is none.

        Args:
            conn: Any open connection.
            table: A table that exists.
            key: The name of the column that identifies a row.
        """
        return []

    def grants(self, tables: Sequence[Name], role: str, *, writes: bool) -> list[str]:
        """Return the statements that let a role use delembic's tables.

        Args:
            tables: The tables.
            role: The role, as it stands in a statement.
            writes: Whether it may write entries and marks; otherwise, it may only read them.
        """
        return []

    def lacks_right(self, error: BaseException) -> bool:
        """Whether a driver's error says that the role may not do what the statement asks for."""
        return False

    def hides_rows(self, conn: Connection, table: Name) -> bool:
        """Whether the database may hide rows of an existing table from the connection's role."""
        return False

    def schemas(self, inspector: Inspector) -> list[str | None]:
        """Return the schemas that may hold a project's data; ``None`` stands for the default."""
        return [None]

    # --- the transaction of the work

    @abstractmethod
    def work(self, conn: Connection) -> AbstractContextManager[None]:
        """Prepare a connection for the transaction of a migration, and clean up at the end.

        Inside the block, ``begin`` starts a transaction that covers everything, including DDL if
        the database supports that. At the end of the block, the session ends.
        """

    def outside(self, conn: Connection) -> AbstractContextManager[None]:
        """Prepare a connection for work outside of a transaction, and end its session."""
        return ending_session(conn)

    @abstractmethod
    def snapshot(self, conn: Connection) -> AbstractContextManager[None]:
        """Prepare a connection for a transaction that sees one state of the data."""

    @abstractmethod
    def witness(self, conn: Connection) -> Witness:
        """Return a witness of the transaction that has just begun."""

    def await_end(self, engine: Engine, transaction_id: int | None) -> bool:
        """Wait until a transaction whose commit was cut off is over.

        Afterwards, its mark shows whether it was committed. Most databases do not report when the
        transaction of a lost session has ended; there, the mark is read right away.

        Returns:
            Whether it is over, as far as can be known.

        Raises:
            DatabaseUnavailableError: The server does not answer.
        """
        return True

    def trouble(self, error: BaseException) -> Trouble | None:
        """Return what a driver's error says about trying the same transaction again, if so."""
        return None

    def estimated_rows(self, conn: Connection, table: Name) -> int | None:
        """Return about how many rows a table has, without counting them; ``None`` if unknown."""
        return None

    def replication_lag_seconds(self, conn: Connection) -> float | None:
        """Return how far the slowest replica is behind; ``None`` if there is no replica.

        Args:
            conn: Any open connection to the primary.

        Raises:
            UnreadableSignalError: The database does not tell.
        """
        raise UnreadableSignalError(
            f"{'/'.join(self.names) or 'this database'} does not tell how far replicas are behind"
        )

    def blocked_sessions(self, conn: Connection) -> int:
        """Return how many sessions wait for a lock.

        Args:
            conn: Any open connection.

        Raises:
            UnreadableSignalError: The database does not tell.
        """
        raise UnreadableSignalError(
            f"{'/'.join(self.names) or 'this database'} does not tell which sessions wait"
        )

    def upsert(self, table: Table, over: ColumnElement[bool]) -> Executable | None:
        """Return the statement that inserts a row, or writes over one with the same key.

        Args:
            table: The table.
            over: The condition for a row that may be written over; otherwise, nothing is changed.

        Returns:
            ``None`` if the database has no such statement that leaves the transaction usable.
        """
        return None

    # --- loading many rows

    @abstractmethod
    def load(self, conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
        """Load rows in the fastest way, all or none.

        Args:
            conn: In a transaction.
            hold: Where they go.
            cargo: The rows.

        Raises:
            MisfitError: The database refuses a row.
        """

    def load_merged(
        self, conn: Connection, hold: Hold, cargo: Cargo, merge: Merge
    ) -> Landed | None:
        """Load rows, some of whose keys the table may have already.

        Returns:
            ``None`` if nothing is known about this on the database; then nothing was done.
        """
        return None

    def home(self, conn: Connection) -> str | None:
        """Return the schema where a new table would go, so that statements can name it.

        A temporary table of the same name then takes nothing that is meant for delembic's own.
        ``None`` if the name alone has to do.
        """
        return None

    def is_shadowed(self, conn: Connection, table: Name) -> bool:
        """Whether a temporary table hides one of delembic's own, whatever schema is named.

        Args:
            conn: Any open connection.
            table: The table.
        """
        return False

    def cut(self, conn: Connection) -> None:
        """Break a connection like a lost network, without SQLAlchemy noticing. For tests."""
        driver: Any = conn.connection.driver_connection
        driver.close()
