"""SQLite: a file, one writer at a time, and explicit transactions for Python's driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from sqlalchemy import URL, Connection, ExceptionContext, event
from sqlalchemy.pool import NullPool, StaticPool

from delembic.config import Config
from delembic.database.dialects.kind import Witness
from delembic.database.dialects.other import Other
from delembic.database.interruption import make_interruptible, make_uninterruptible


class SQLite(Other):
    """See `DatabaseKind`."""

    names: ClassVar[tuple[str, ...]] = ("sqlite",)
    # No lease: the work holds the only write lock, so a lease could not be renewed.
    locks: ClassVar[tuple[str, ...]] = ("file", "none")
    cursors_hold_locks = True

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

    @contextmanager
    def work(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`.

        The write lock is taken at once, so that a transaction that has read does not fail when it
        first writes.
        """
        with _whole_transactions(conn, "BEGIN IMMEDIATE"), _closing_cursors(conn):
            yield

    @contextmanager
    def snapshot(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`."""
        with _whole_transactions(conn, "BEGIN DEFERRED"):
            yield

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return DriverWitness(conn)

    def cut(self, conn: Connection) -> None:
        """See `DatabaseKind`."""
        driver: Any = conn.connection.driver_connection
        driver.rollback()  # as a server does when its client is gone
        driver.close()


class DriverWitness:
    """Asks the driver, which is in no transaction once the migration has ended it."""

    transaction_id: int | None = None

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def come_back(self) -> bool:
        """See `Witness`."""
        driver: Any = self._conn.connection.driver_connection
        return bool(driver.in_transaction)

    def roll_back(self, error: BaseException | None) -> bool:
        """See `Witness`."""
        intact = self.come_back()
        self._conn.rollback()
        return intact


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
            conn.rollback()
            driver.isolation_level = before
            make_uninterruptible(driver)


@contextmanager
def _closing_cursors(conn: Connection) -> Iterator[None]:
    """Close the cursors with unread rows.

    The traceback of an error keeps such a cursor alive. It holds a lock, even if the connection is
    closed, so that the error could not be recorded.
    """
    driver: Any = conn.connection.driver_connection
    cursors = WeakSet[Any]()

    def note(conn: Connection, cursor: Any, *rest: Any) -> None:
        cursors.add(cursor)

    event.listen(conn, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(conn, "before_cursor_execute", note)
        for cursor in list(cursors):
            with suppress(driver.Error):
                cursor.close()
