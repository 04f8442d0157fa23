"""One transaction on the work connection, for the user's code and delembic's mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from sqlalchemy import Connection, Engine

from delembic.database.connections import connect
from delembic.database.dialects import kind_of
from delembic.execution.work.calls import call
from delembic.execution.work.watch import Watch
from delembic.status import Phase, TransactionState, Undone

_OPTIONS = ("schema_translate_map", "stream_results", "yield_per")
"""The options of `Connection.execution_options` that affect all later statements."""


class Transaction:
    """One transaction on one connection, begun here.

    Attributes:
        conn: The connection that the migration gets.
        transaction_id: The server's id of the transaction, if a lost commit can be traced by it.
    """

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        options = conn.get_execution_options()
        self._options = {name: options.get(name) for name in _OPTIONS}
        conn.begin()
        self._witness = kind_of(conn.dialect.name).witness(conn)
        self._watch = Watch(conn, self._witness)
        self.transaction_id = self._witness.transaction_id

    def call(self, method: Callable[[Connection], object], revision: str, phase: Phase) -> object:
        """Call a method of a migration with the connection, and return what it returns.

        Raises:
            MigrationFailedError: It raised, or closed the connection, or rolled its work back.
        """
        return call(method, self.conn, revision, phase, self._watch.refuse_lost)

    def come_back(self) -> TransactionState:
        """Let names in statements lead to where they led before the user's code ran.

        A migration may work in another schema or as another role: through a search path, ``USE``,
        ``SET ROLE``, or SQLAlchemy's ``schema_translate_map``. All of that stays with the
        connection. The mark would then go into another project's table of the same name.

        Returns:
            Whether the user's code has left the transaction open, or has committed it.

        Raises:
            WorkLostError: The transaction was rolled back, so what was done in it is lost.
            SwallowedErrorError: The server has given the transaction up.
        """
        self.conn.execution_options(**self._options)
        return self._watch.come_back()

    def commit(self) -> None:
        """Commit the work with its mark."""
        self._watch.close()
        self.conn.commit()

    @property
    def lost(self) -> bool:
        """Whether the connection to the server was lost."""
        return self.conn.invalidated

    def roll_back(self, error: BaseException | None) -> Undone:
        """Roll back, after an error or without, and tell what that has undone."""
        return self._watch.roll_back(error)


@contextmanager
def open_transaction(engine: Engine) -> Iterator[Transaction]:
    """Open a connection and begin a transaction, which is rolled back unless it is committed.

    The transaction is begun through SQLAlchemy before the user's code gets the connection.
    Otherwise, a first statement through the driver's own connection, such as a COPY, would be lost
    at the commit or would survive a rollback.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(engine) as conn, kind_of(conn.dialect.name).work(conn):
        yield Transaction(conn)


class Worker:
    """A connection for several transactions, one after the other, which share its session.

    A transaction that fails ends the session. Nobody knows where users' code has left it: a
    rollback takes back no ``USE`` of MySQL's and no option of the connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connections = ExitStack()
        self._conn: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction, which is rolled back unless it is committed.

        Raises:
            DatabaseUnavailableError: The server does not answer.
        """
        if self._conn is None:
            self._conn = self._connections.enter_context(connect(self._engine))
            self._connections.enter_context(kind_of(self._conn.dialect.name).work(self._conn))
        if self._conn.in_transaction():  # begun by what was asked after the end of the last one
            self._conn.rollback()
        try:
            yield Transaction(self._conn)
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        self._conn = None
        self._connections.close()


@contextmanager
def open_snapshot(engine: Engine) -> Iterator[Transaction]:
    """Open a connection and begin a transaction for reading data, which is rolled back.

    All of its queries see the same state of the data, even if others commit in the meantime, so
    their results can be compared. Writing is not forbidden, because a check may need a temporary
    table.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(engine) as conn, kind_of(conn.dialect.name).snapshot(conn):
        yield Transaction(conn)
