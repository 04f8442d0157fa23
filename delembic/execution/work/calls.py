"""A method of a migration, called with a connection."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from delembic.database.driver_errors import values_withheld
from delembic.errors import (
    ConnectionClosedError,
    MigrationFailedError,
    ReturnedFalseError,
    UnclearAnswerError,
)
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
        MigrationFailedError: It raised, or closed the connection, or the check raised, or it is a
            ``validate`` whose answer is not yes.
    """
    failed = partial(MigrationFailedError, revision, phase)
    with user_code(failed), values_withheld(conn.engine):
        answer = method(conn)
        if conn.closed:
            raise ConnectionClosedError
        check()
        if phase == Phase.VALIDATE:
            _require_yes(answer)


def _require_yes(answer: object) -> None:
    """Refuse any answer of a ``validate`` but ``True`` and the ``None`` of a function's end.

    An answer that only looks like one, such as a count or a row, must not pass for yes.
    """
    if answer is False:
        raise ReturnedFalseError
    if answer is not None and answer is not True:
        raise UnclearAnswerError(type(answer))
