"""SQLite: a file, one writer at a time, and explicit transactions for Python's driver."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    ExceptionContext,
    Executable,
    Select,
    Table,
    event,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from delembic.config import Config
from delembic.database.dialects.interfaces import Name, Trouble, Witness
from delembic.database.dialects.loads.cargo import Cargo, Hold, Landed, Merge
from delembic.database.dialects.loads.inserting import insert_all
from delembic.database.dialects.loads.merging import Way, load_merged, merge_on_conflict
from delembic.database.dialects.other import Other, SavepointWitness
from delembic.database.interruption import make_interruptible, make_uninterruptible
from delembic.errors import IgnoredStatementError
from delembic.status import TransactionState

_TEMPORARY = Way("CREATE TABLE {name} AS {source} WHERE false", schema="temp.")
_BEGIN_WORK = "BEGIN IMMEDIATE"
_NEEDS_NO_TRANSACTION = re.compile(
    r"\s*(?:ATTACH|BEGIN|COMMIT|DETACH|END|PRAGMA|RELEASE|ROLLBACK|SAVEPOINT|VACUUM)\b",
    re.IGNORECASE,
)
_USELESS_PRAGMA = re.compile(r"\s*PRAGMA\s+(?:\w+\.)?foreign_keys\s*[=(]", re.IGNORECASE)


class SQLite(Other):
    """See `DatabaseKind`."""

    names: ClassVar[tuple[str, ...]] = ("sqlite",)
    # No lease: the work holds the only write lock, so a lease could not be renewed.
    locks: ClassVar[tuple[str, ...]] = ("file", "none")
    cursors_hold_locks = True
    row_values = True
    # Those that wait for the file look again every tenth of a second.
    breath_seconds = 0.12

    def engine_options(self, url: URL, config: Config) -> dict[str, Any]:
        """See `DatabaseKind`."""
        if self.is_memory(url):
            # The database exists only in its connection, so everything shares that one.
            return {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        # How long to wait for another program that is writing to the file.
        return {"poolclass": NullPool, "connect_args": {"timeout": config.lock_timeout_seconds}}

    def placed(self, url: URL, root: Path) -> URL:
        """See `DatabaseKind`."""
        file = self.file(url)
        return url.set(database=str(root / file)) if file else url

    def is_memory(self, url: URL) -> bool:
        """See `DatabaseKind`."""
        return self.file(url) is None

    def locks_of(self, url: URL) -> tuple[str, ...]:
        """See `DatabaseKind`."""
        return ("none",) if self.is_memory(url) else self.locks

    def file(self, url: URL) -> Path | None:
        """See `DatabaseKind`. An in-memory database and a ``file:`` URI have none."""
        database = url.database
        if not database or database == ":memory:" or database.startswith("file:"):
            return None
        return Path(database)

    def upsert(self, table: Table, over: ColumnElement[bool]) -> Executable | None:
        """See `DatabaseKind`."""
        from sqlalchemy.dialects.sqlite import insert

        add = insert(table)
        values = {column.name: add.excluded[column.name] for column in table.columns}
        return add.on_conflict_do_update(index_elements=table.primary_key, set_=values, where=over)

    def trouble(self, error: BaseException) -> Trouble | None:
        """See `DatabaseKind`."""
        name = getattr(error, "sqlite_errorname", None) or ""
        return Trouble.CONFLICT if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else None

    def estimated_rows(self, conn: Connection, table: Name) -> int | None:
        """See `DatabaseKind`. The highest row number is at hand, and seldom far off."""
        try:
            rows = conn.execute(_last_row_number(table)).scalar_one()
        except DBAPIError:  # a table without row numbers, or a view
            return None
        return int(rows or 0)

    def home(self, conn: Connection) -> str | None:
        """See `DatabaseKind`."""
        return "main"

    @contextmanager
    def work(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`.

        The write lock is taken at once, so that a transaction that has read does not fail when it
        first writes.
        """
        with (
            _whole_transactions(conn, _BEGIN_WORK),
            _closing_cursors(conn),
            _never_outside(conn),
        ):
            yield

    @contextmanager
    def outside(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`; a database in memory is gone with its connection."""
        with _closing_cursors(conn):
            yield

    @contextmanager
    def snapshot(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`."""
        with _whole_transactions(conn, "BEGIN DEFERRED"):
            yield

    def load(self, conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
        """See `DatabaseKind`."""
        return insert_all(conn, hold, cargo)

    def load_merged(
        self, conn: Connection, hold: Hold, cargo: Cargo, merge: Merge
    ) -> Landed | None:
        """See `DatabaseKind`."""
        merging = partial(merge_on_conflict, conn, hold=hold, merge=merge)
        return load_merged(conn, hold, cargo, insert_all, merging, _TEMPORARY)

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return VersionedWitness(conn)

    def cut(self, conn: Connection) -> None:
        """See `DatabaseKind`."""
        driver: Any = conn.connection.driver_connection
        driver.rollback()  # as a server does when its client is gone
        driver.close()


def _last_row_number(table: Name) -> Select[tuple[Any]]:
    return select(text("max(rowid)")).select_from(text(table.quoted))


class VersionedWitness(SavepointWitness):
    """Tells a commit from a rollback by a number that is private to the connection.

    The version of its temporary database is changed in the transaction. A commit keeps the number,
    and a rollback takes it back, whatever has sent them.
    """

    def __init__(self, conn: Connection) -> None:
        self._version = 0
        super().__init__(conn)

    def watch(self) -> None:
        """See `Witness`."""
        self._version = self._read() + 1
        self._conn.exec_driver_sql(f"PRAGMA temp.user_version = {self._version}")
        super().watch()

    def outside(self) -> bool:
        """See `Witness`."""
        driver: Any = self._conn.connection.driver_connection
        with suppress(driver.ProgrammingError):  # a user's code has closed it
            return not driver.in_transaction
        return False

    def _ended(self, errors: Collection[int]) -> TransactionState:
        kept = self._read() == self._version
        return TransactionState.COMMITTED if kept else TransactionState.ROLLED_BACK

    def _read(self) -> int:
        return int(self._conn.exec_driver_sql("PRAGMA temp.user_version").scalar_one())


@contextmanager
def _whole_transactions(conn: Connection, beginning: str) -> Iterator[None]:
    """Make transactions cover everything, including DDL.

    Python's sqlite3 begins a transaction only before some statements. That is turned off here, and
    a BEGIN is sent instead.

    An interrupted connection stays open until it is rolled back. SQLAlchemy would close it, and a
    connection that is closed during a statement holds the write lock as long as its cursor lives.
    A signal interrupts a long statement; see `delembic.database.interruption`.
    """
    driver: Any = conn.connection.driver_connection
    before = driver.isolation_level
    driver.isolation_level = None
    make_interruptible(driver)

    def begin(conn: Connection) -> None:
        conn.exec_driver_sql(beginning)

    def keep_open(context: ExceptionContext) -> None:
        if not isinstance(context.original_exception, Exception):
            context.is_disconnect = False

    event.listen(conn, "begin", begin)
    event.listen(conn.engine, "handle_error", keep_open)
    try:
        yield
    finally:
        event.remove(conn.engine, "handle_error", keep_open)
        event.remove(conn, "begin", begin)
        if not conn.closed and not conn.invalidated:
            # A user's code may have closed it, and has raised an error that says more.
            with suppress(DBAPIError, driver.ProgrammingError):
                conn.rollback()
                driver.isolation_level = before
                make_uninterruptible(driver)


@contextmanager
def _closing_cursors(conn: Connection) -> Iterator[None]:
    """Close the cursors with unread rows.

    The traceback of an error keeps such a cursor alive. It holds a lock, even if the connection is
    closed, so that the error could not be recorded. Then it can no longer be closed, either.
    """
    driver: Any = conn.connection.driver_connection
    cursors = WeakSet[Any]()

    def note(conn: Connection, cursor: Any, *rest: Any) -> None:
        cursors.add(cursor)

    def close(connection: Any = driver, *rest: Any) -> None:
        for cursor in list(cursors) if connection is driver else []:
            with suppress(driver.Error):
                cursor.close()

    event.listen(conn, "before_cursor_execute", note)
    event.listen(conn.engine, "close", close)
    try:
        yield
    finally:
        event.remove(conn.engine, "close", close)
        event.remove(conn, "before_cursor_execute", note)
        close()


@contextmanager
def _never_outside(conn: Connection) -> Iterator[None]:
    """Begin a transaction again where a statement of the user's own has ended ours.

    Otherwise SQLite would commit each statement that follows by itself. And refuse the statement
    that SQLite ignores inside of a transaction without a word.
    """
    driver: Any = conn.connection.driver_connection

    def begin(conn: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if _USELESS_PRAGMA.match(statement):
            raise IgnoredStatementError("PRAGMA foreign_keys")
        if not (driver.in_transaction or _NEEDS_NO_TRANSACTION.match(statement)):
            driver.execute(_BEGIN_WORK)

    event.listen(conn, "before_cursor_execute", begin)
    try:
        yield
    finally:
        event.remove(conn, "before_cursor_execute", begin)
