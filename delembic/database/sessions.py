"""The session of a connection that users' code has had, or whose engine is a user's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection


@contextmanager
def ending_session(conn: Connection) -> Iterator[None]:
    """End the session with its connection, whatever pool a user's ``get_engine`` may have.

    What a migration has set for its session (a role, a search path) would meet whoever is next.
    """
    try:
        yield
    finally:
        # Detached, it would stay open if the server refused the rollback at its closing.
        if not conn.closed and not conn.invalidated:
            conn.invalidate()


def leave_autocommit(conn: Connection) -> None:
    """Have transactions on a connection whose engine commits each statement by itself."""
    if is_autocommitting(conn) and conn.default_isolation_level:
        conn.execution_options(isolation_level=conn.default_isolation_level)


def is_autocommitting(conn: Connection) -> bool:
    """Whether the driver commits each statement by itself, as far as it tells."""
    driver: Any = conn.connection.dbapi_connection  # also of a connection that is detached
    ask = getattr(driver, "get_autocommit", None)  # drivers of MySQL
    value = ask() if callable(ask) else getattr(driver, "autocommit", False)
    return value is True
