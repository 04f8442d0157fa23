"""A method of a migration, called with a connection."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from delembic.database.driver_errors import values_withheld
from delembic.errors import ConnectionClosedError, MigrationFailedError
from delembic.status import Phase
from delembic.user_code import user_code


def call(
    method: Callable[[Connection], object],
    conn: Connection,
    revision: str,
    phase: Phase,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Call a method of the user's, and check afterwards what it has left.

    Args:
        method: ``upgrade`` or ``validate``.
        conn: What it gets.
        revision: Whose method it is.
        phase: Which of the two.
        check: Raises if something is wrong with what it has left.

    Raises:
        MigrationFailedError: It raised, or closed the connection, or the check raised.
    """
    failed = partial(MigrationFailedError, revision, phase)
    with user_code(failed), values_withheld(conn.engine):
        method(conn)
        if conn.closed:
            raise ConnectionClosedError
        check()
