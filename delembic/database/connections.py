"""Connections to a database: the one door through which delembic opens them."""

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
    """Turn the failure of a statement of delembic's own into an error for people.

    Raises:
        DatabaseFailedError: One failed in the block.
    """
    try:
        yield
    except DBAPIError as error:
        raise DatabaseFailedError(driver_text(error)) from error


def connect(engine: Engine) -> Connection:
    """Return an open connection, owned by the caller.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses us.
    """
    # Besides the driver's own, there may be any error at all: an option in the URL that the driver
    # does not know, a host that cannot be encoded, a listener or a `creator` of the user's.
    with user_code(lambda reason: DatabaseUnavailableError(masked(engine.url), reason)):
        try:
            return engine.connect()
        except DBAPIError as error:
            refusal = error
    raise DatabaseUnavailableError(masked(engine.url), driver_text(refusal)) from refusal


def driver_text(error: DBAPIError) -> str:
    """Return what the driver said, without the statement."""
    return brief(str(error.orig)) or type(error.orig).__name__


@contextmanager
def autocommitting(engine: Engine) -> Iterator[Connection]:
    """Give an open connection on which every statement is committed by itself.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses us.
        UnfitDatabaseError: The database cannot do it.
    """
    with connect(engine) as conn:
        yield _autocommit(conn)


def execute_reconnecting(
    conn: Connection, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> CursorResult[Any]:
    """Execute a statement, once more on a new connection if the server had dropped this one.

    Args:
        conn: In autocommit mode, so nothing but the statement itself can have been lost.
        statement: One that does no harm when its first try did reach the server.
        parameters: For those that it names, and the columns of an INSERT or UPDATE without values.

    Raises:
        DBAPIError: It failed for another reason, or again.
    """
    if conn.invalidated:  # by a signal that came while the server was asked something
        _revive(conn)
    try:
        return conn.execute(statement, parameters)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return _revive(conn).execute(statement, parameters)


def _revive(conn: Connection) -> Connection:
    conn.rollback()
    # The new connection of the driver knows nothing of what was asked of the old one.
    return _autocommit(conn)


def _autocommit(conn: Connection) -> Connection:
    try:
        return conn.execution_options(isolation_level="AUTOCOMMIT")
    # SQLAlchemy refuses a level that the dialect does not list; a dialect of others may list one
    # that it does not have, or have no levels at all.
    except (ArgumentError, AttributeError, NotImplementedError) as error:
        raise UnfitDatabaseError(conn.dialect.name, describe(error)) from error
