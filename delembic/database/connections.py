"""Connections to a database. Delembic opens all of its connections here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool, SingletonThreadPool, StaticPool

from delembic.causes import brief, describe
from delembic.database.forks import keep_from_children
from delembic.database.urls import masked
from delembic.errors import DatabaseUnavailableError, UnfitDatabaseError
from delembic.user_code import user_code

_APART = "delembic_apart"
"""An execution option, which stays with a connection that is opened again."""


def connect(engine: Engine) -> Connection:
    """Return an open connection, which the caller closes.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses the connection.
    """
    # Not only the driver may raise: the URL may have an unknown option or a host that cannot be
    # encoded, and a user's listener or `creator` may raise anything.
    with user_code(lambda reason: DatabaseUnavailableError(masked(engine.url), reason)):
        try:
            conn = engine.connect()
            keep_from_children(conn)
            return conn
        except DBAPIError as error:
            refusal = error
    raise DatabaseUnavailableError(masked(engine.url), driver_text(refusal)) from refusal


def driver_text(error: DBAPIError) -> str:
    """Return the driver's message, without the statement."""
    return brief(str(error.orig)) or type(error.orig).__name__


@contextmanager
def autocommitting(engine: Engine) -> Iterator[Connection]:
    """Yield an open connection on which every statement is committed at once.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses the connection.
        UnfitDatabaseError: The database has no autocommit mode.
    """
    with connect(engine) as conn:
        yield _autocommit(conn)


@contextmanager
def autocommitting_apart(engine: Engine) -> Iterator[Connection]:
    """Yield an autocommitting connection that is delembic's own and takes no place in a pool.

    A user's pool may be as small as one connection, which the work needs. And a session that may
    hold a lock must end with its connection, however that is closed.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses the connection.
        UnfitDatabaseError: The database has no autocommit mode.
    """
    conn = connect(engine)
    with ExitStack() as sessions:
        try:
            yield _autocommit(conn.execution_options(**{_APART: sessions}))
        finally:
            with suppress(DBAPIError):  # the server may have ended the session
                conn.close()


def execute_reconnecting(
    conn: Connection, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> CursorResult[Any]:
    """Execute a statement. If the server has dropped the connection, reconnect and try again.

    Args:
        conn: An autocommitting connection, so that only the statement itself can be lost.
        statement: A statement that may safely reach the server twice.
        parameters: The values of its parameters, and of the columns of an INSERT or UPDATE.

    Raises:
        DBAPIError: The statement failed for another reason, or failed again.
    """
    if conn.invalidated:  # by a signal that arrived during a statement
        _revive(conn)
    try:
        return conn.execute(statement, parameters)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return _revive(conn).execute(statement, parameters)


def _revive(conn: Connection) -> Connection:
    conn.rollback()
    # The driver's new connection does not have the options of the old one.
    return _autocommit(conn)


def _autocommit(conn: Connection) -> Connection:
    try:
        conn.execution_options(isolation_level="AUTOCOMMIT")
    # SQLAlchemy refuses a level that the dialect does not list. A third-party dialect may list one
    # that it does not have, or have no levels at all.
    except (ArgumentError, AttributeError, NotImplementedError) as error:
        raise UnfitDatabaseError(conn.dialect.name, describe(error)) from error
    sessions: ExitStack | None = conn.get_execution_options().get(_APART)
    if sessions is not None and _lends(conn.engine):
        sessions.close()  # SQLAlchemy does not close a detached connection that was lost
        sessions.callback(_close, conn.connection.dbapi_connection)
        conn.detach()
    return conn


def _close(driver: Any) -> None:
    with suppress(Exception):  # of any driver, such as for a connection that is closed
        driver.close()


def _lends(engine: Engine) -> bool:
    """Whether a pool keeps connections for the next one, and lends each to one at a time."""
    return not isinstance(engine.pool, NullPool | SingletonThreadPool | StaticPool)
