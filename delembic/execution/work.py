"""The work connection: one transaction for the user's code, delembic's mark and one commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from delembic.database.connections import connect
from delembic.database.interruption import make_interruptible, make_uninterruptible
from delembic.errors import ConnectionClosedError
from delembic.execution.whereabouts import Whereabouts
from delembic.execution.witness import call_witness, transaction_status

_SETTLING_SECONDS = 30.0
_REPEATING = frozenset({"postgresql", "mysql", "mariadb"})
"""Databases on which a transaction can be told to see one state of the data."""


class Work:
    """One transaction on one connection, begun here.

    Attributes:
        conn: What the migration gets.
        rows_affected: Rows that it inserted, updated and deleted so far.
        transaction_id: The server's number of the transaction, where a lost commit can be traced.
    """

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.rows_affected = 0
        self._transaction = conn.begin()
        self._has_committed = False
        event.listen(conn, "commit", self._note_commit)
        self._witness = call_witness(conn)
        self._whereabouts = Whereabouts(conn)
        self.transaction_id = self._witness.transaction_id

    @property
    def intact(self) -> bool:
        """Whether the user's code has left the transaction open; asks the database."""
        return self.conn.get_transaction() is self._transaction and self._witness.intact()

    def refuse_closed(self) -> None:
        """Refuse to go on without the connection.

        Raises:
            ConnectionClosedError: The user's code has closed it.
        """
        if self.conn.closed:
            raise ConnectionClosedError

    def come_back(self) -> None:
        """Take back what the user's code has set that would lead our own statements elsewhere."""
        self._whereabouts.come_back()

    @property
    def lost(self) -> bool:
        """Whether the server was found to be gone, so nothing more can be asked of it."""
        return self.conn.invalidated

    def roll_back(self, error: BaseException | None) -> bool:
        """Roll back, after an error or without, and tell if that undid all that was done."""
        if self.conn.closed or self.conn.invalidated:
            return not self._has_committed  # the end of the session was the rollback
        try:
            return self._witness.roll_back(error) and not self._has_committed
        except DBAPIError as broken:
            if not broken.connection_invalidated:
                raise
            return not self._has_committed

    def _note_commit(self, conn: Connection) -> None:
        self._has_committed = True

    @contextmanager
    def counting_rows(self) -> Iterator[None]:
        """Count the rows that statements of the block change."""

        def count(
            conn: Connection,
            cursor: Any,
            statement: str,
            parameters: Any,
            context: DefaultExecutionContext | None,
            executemany: bool,
        ) -> None:
            changes = cursor.description is None or (
                context and (context.isinsert or context.isupdate or context.isdelete)
            )
            if changes and cursor.rowcount > 0:
                self.rows_affected += cursor.rowcount

        event.listen(self.conn, "after_cursor_execute", count)
        try:
            yield
        finally:
            event.remove(self.conn, "after_cursor_execute", count)


@contextmanager
def open_work(engine: Engine) -> Iterator[Work]:
    """Open a connection and begin a transaction, which is rolled back unless it gets committed.

    The transaction is begun at SQLAlchemy's level before any code of the user sees the
    connection: otherwise a statement sent through the driver's own connection as the first thing
    (a COPY, say) would be lost at the commit or survive a rollback.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(engine) as conn:
        if conn.dialect.name == "sqlite":
            with _whole_transactions(conn), _closing_cursors(conn):
                yield Work(conn)
        else:
            with _ending(conn):
                yield Work(conn)


@contextmanager
def open_snapshot(engine: Engine) -> Iterator[Work]:
    """Open a connection and begin a transaction for looking at data, always rolled back.

    It sees one state of the data from its first query to its last, whatever others commit in the
    meantime: two queries that are compared with each other then speak of the same moment. Writing
    is not forbidden, as a temporary table may be needed to look at data.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(engine) as conn:
        if conn.dialect.name == "sqlite":
            with _whole_transactions(conn, "BEGIN DEFERRED"):
                yield Work(conn)
        else:
            if conn.dialect.name in _REPEATING:
                conn.execution_options(isolation_level="REPEATABLE READ")
            with _ending(conn):
                yield Work(conn)


@contextmanager
def _ending(conn: Connection) -> Iterator[Connection]:
    """End the session with its connection, whatever pool a user's ``get_engine`` may have.

    What a migration has set for it (a role, a search path) would meet whoever is next.
    """
    try:
        yield conn
    finally:
        # Not earlier: SQLAlchemy does not tell the driver's connection of one that is detached.
        if not conn.closed and not conn.invalidated:
            conn.detach()


@contextmanager
def _whole_transactions(conn: Connection, beginning: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Make SQLite's transactions hold everything, DDL too.

    Python's sqlite3 begins a transaction only before some statements. Told to leave that alone, it
    obeys the BEGIN that is sent here. IMMEDIATE takes the write lock at once, so that a
    transaction that has read does not fail when it first writes; DEFERRED takes none.

    An interrupted connection stays open until it is rolled back: SQLAlchemy would close it, and
    closed in the midst of a statement it holds the write lock for as long as its cursor lives.
    And a signal ends a statement that goes on for long, see `delembic.database.interruption`.
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
    """Close the cursors of SQLite whose rows were not all read.

    Such a cursor, which the traceback of an error keeps alive, holds a lock against the record of
    that error, the connection being closed or not.
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


def await_end(engine: Engine, transaction_id: int | None) -> None:
    """Wait until a transaction whose commit was cut off is over, one way or the other.

    Its mark tells afterwards which way. Databases other than PostgreSQL do not say when they have
    ended the transaction of a lost session; their mark is looked at right away.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    if transaction_id is None:
        return

    def is_over() -> bool:
        with connect(engine) as conn:
            return transaction_status(conn, transaction_id) != "in progress"

    Retrying(
        retry=retry_if_result(lambda over: not over),
        stop=stop_after_delay(_SETTLING_SECONDS),
        wait=wait_exponential(multiplier=0.05, max=1),
        retry_error_callback=lambda state: None,
    )(is_over)
