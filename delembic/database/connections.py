"""Connections to a database. Delembic opens all of its connections here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import ArgumentError, DBAPIError

from delembic.causes import brief, describe
from delembic.database.urls import masked
from delembic.errors import DatabaseFailedError, DatabaseUnavailableError, UnfitDatabaseError
from delembic.user_code import user_code


@contextmanager
def reporting_failures() -> Iterator[None]:
    """Turn the failure of one of delembic's own statements into an error for people.

    Raises:
        DatabaseFailedError: A statement in the block failed.
    """
    try:
        yield
    except DBAPIError as error:
        raise DatabaseFailedError(driver_text(error)) from error
    except UnicodeEncodeError as error:  # the id of a revision, which must stay as it is
        raise DatabaseFailedError(describe(error)) from error


def connect(engine: Engine) -> Connection:
    """Return an open connection, which the caller closes.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses the connection.
    """
    # Not only the driver may raise: the URL may have an unknown option or a host that cannot be
    # encoded, and a user's listener or `creator` may raise anything.
    with user_code(lambda reason: DatabaseUnavailableError(masked(engine.url), reason)):
        try:
            return engine.connect()
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
        return conn.execution_options(isolation_level="AUTOCOMMIT")
    # SQLAlchemy refuses a level that the dialect does not list. A third-party dialect may list one
    # that it does not have, or have no levels at all.
    except (ArgumentError, AttributeError, NotImplementedError) as error:
        raise UnfitDatabaseError(conn.dialect.name, describe(error)) from error
