"""One transaction on the work connection, for the user's code and delembic's mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from delembic.database.connections import connect
from delembic.database.dialects import kind_of
from delembic.database.driver_errors import values_withheld
from delembic.errors import ConnectionClosedError, MigrationFailedError
from delembic.status import Phase
from delembic.user_code import user_code

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
        self._begun = conn.begin()
        self._has_committed = False
        event.listen(conn, "commit", self._note_commit)
        self._witness = kind_of(conn.dialect.name).witness(conn)
        self.transaction_id = self._witness.transaction_id

    def call(self, method: Callable[[Connection], object], revision: str, phase: Phase) -> None:
        """Call a method of a migration with the connection.

        Raises:
            MigrationFailedError: The method raised an error or closed the connection.
        """
        failed = partial(MigrationFailedError, revision, phase)
        with user_code(failed), values_withheld(self.conn.engine):
            method(self.conn)
            if self.conn.closed:
                raise ConnectionClosedError

    def come_back(self) -> bool:
        """Restore the schema in which the connection began.

        A migration may switch to another schema, by a search path, ``USE``, or SQLAlchemy's
        ``schema_translate_map``. The connection keeps that setting, and the mark would then go
        into a table of the same name in another project.

        Returns:
            Whether the user's code has left the transaction open, according to the database.
        """
        self.conn.execution_options(**self._options)
        is_ours = self.conn.get_transaction() is self._begun
        return self._witness.come_back() and is_ours

    @property
    def lost(self) -> bool:
        """Whether the connection to the server was lost."""
        return self.conn.invalidated

    def roll_back(self, error: BaseException | None) -> bool:
        """Roll back, with or without an error, and return whether that undid everything."""
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
