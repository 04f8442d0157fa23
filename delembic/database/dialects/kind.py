"""What delembic asks of a kind of database. Each kind answers in a module of its own.

Nothing outside of this folder asks for the name of a database. A module that supports another one
derives from `delembic.database.dialects.other.Other` and overrides what is better there; see
``docs/databases.md``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from sqlalchemy import URL, Column, ColumnElement, Connection, DateTime, Engine, Inspector, Text
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

from delembic.config import Config
from delembic.errors import ConfigurationError
from delembic.status import TransactionState


class Witness(Protocol):
    """Watches the transaction of one piece of work. It is made right after the transaction began.

    A migration may end its transaction, on purpose, by a DDL statement of MySQL, or because the
    server gave it up. What was committed cannot be rolled back any more, and what was rolled back
    is lost, so both have to be told.
    """

    transaction_id: int | None
    """The server's number of the transaction, where a lost commit can be traced by it."""

    def watch(self) -> None:
        """Watch the transaction that has begun in place of the one before."""

    def come_back(self, errors: Sequence[BaseException]) -> TransactionState:
        """Lead the session back to the schema and the role in which it began.

        Args:
            errors: Errors of the driver that were seen while the transaction was open.

        Returns:
            What has become of the watched transaction. Asking does it no harm.
        """

    def roll_back(self, errors: Sequence[BaseException]) -> TransactionState:
        """Roll back.

        Args:
            errors: As for `come_back`.

        Returns:
            What had become of the watched transaction before: if it was open, all of it is undone.
        """

    def outside(self) -> bool:
        """Whether statements are sent outside of any transaction by now, as far as can be known."""

    def kept_rows(self) -> bool:
        """Right after `roll_back`: whether tables without transactions have kept what was done."""


class SessionLocks(Protocol):
    """Locks that the server keeps for a session and frees when it ends."""

    def try_acquire(self, revision: str) -> bool:
        """Take the revision's lock if it is free, without waiting for it."""

    def release(self, revision: str) -> bool:
        """Give the lock back; ``False`` if it was lost in between, with its session."""


class DatabaseKind(ABC):
    """One kind of database. It holds no state: one instance serves every connection.

    Attributes:
        names: What SQLAlchemy calls the kind in a URL and in ``engine.dialect.name``.
        locks: The values of the setting ``lock`` that fit, the best one first.
        table_options: What ``CREATE TABLE`` needs besides, by the name that SQLAlchemy's ``Table``
            takes, without the dialect's name in front.
        keeps_zones: Whether `moment_type` stores the zone of a time.
        cursors_hold_locks: Whether a cursor whose rows were not all read holds a lock.
    """

    names: ClassVar[tuple[str, ...]]
    locks: ClassVar[tuple[str, ...]]
    table_options: ClassVar[dict[str, str]] = {}
    keeps_zones: ClassVar[bool] = False
    cursors_hold_locks: ClassVar[bool] = False

    # --- opening

    def engine_options(self, url: URL, config: Config) -> dict[str, Any]:
        """Return what ``create_engine`` is given.

        Each migration gets a connection of its own that is closed afterwards, so that no state of
        a session (a role, a search path, a temporary table) leaks from one to the next.
        """
        return {"poolclass": NullPool}

    def placed(self, url: URL, root: Path) -> URL:
        """Return a URL of a setting as it is meant, with a relative path below the ini's folder."""
        return url

    def is_memory(self, url: URL) -> bool:
        """Whether the database is gone when its connection is closed."""
        return False

    # --- holding other runners off

    def locks_of(self, url: URL) -> tuple[str, ...]:
        """Return the values of the setting ``lock`` that fit a database, the best one first."""
        return self.locks

    def session_locks(self, conn: Connection) -> SessionLocks:
        """Return the locks of a session, for ``lock = advisory``.

        Args:
            conn: In autocommit mode, on the work database; open for as long as the lock is used.

        Raises:
            ConfigurationError: The session is not ours alone.
        """
        raise ConfigurationError(f"{'/'.join(self.names) or 'The database'} has no session locks.")

    def file(self, url: URL) -> Path | None:
        """Return the file that the database is, if it is one; ``lock = file`` locks beside it."""
        return None

    # --- time and columns

    @abstractmethod
    def clock(self) -> ColumnElement[datetime]:
        """Return the expression for the database's own time, in UTC where it has no zone."""

    def moment_type(self) -> TypeEngine[Any]:
        """Return the type of a column that holds a moment to the microsecond."""
        return DateTime(timezone=self.keeps_zones)

    def long_text_type(self) -> TypeEngine[Any]:
        """Return the type of a column that holds a text of several megabytes."""
        return Text()

    def conversion(self, column: Column[Any], table: str, present: TypeEngine[Any]) -> str | None:
        """Return the statement that makes a column of delembic 1.x what it is today, if one must.

        Args:
            column: As it is today.
            table: The table's name, quoted.
            present: The type that the column has in the database.
        """
        return None

    def schemas(self, inspector: Inspector) -> list[str | None]:
        """Return the schemas that hold the data of a project; ``None`` stands for the default."""
        return [None]

    # --- the transaction of the work

    @abstractmethod
    def work(self, conn: Connection) -> AbstractContextManager[None]:
        """Prepare a connection for the transaction of a migration, and see to its end.

        Inside of the block a ``begin`` starts a transaction that holds everything, DDL too where
        the database can do that. At the end the session is over.
        """

    @abstractmethod
    def snapshot(self, conn: Connection) -> AbstractContextManager[None]:
        """Prepare a connection for a transaction that sees one state of the data."""

    @abstractmethod
    def witness(self, conn: Connection) -> Witness:
        """Return a witness of the transaction that has just begun."""

    def await_end(self, engine: Engine, transaction_id: int | None) -> None:
        """Wait until a transaction whose commit was cut off is over, one way or the other.

        Its mark tells afterwards which way. Most databases do not say when they have ended the
        transaction of a lost session; there the mark is looked at right away.

        Raises:
            DatabaseUnavailableError: The server does not answer.
        """
        return None

    def cut(self, conn: Connection) -> None:
        """Break a connection as a lost network does, unknown to SQLAlchemy. For tests."""
        driver: Any = conn.connection.driver_connection
        driver.close()
