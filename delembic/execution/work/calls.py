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
from delembic.execution.work.course import Course
from delembic.execution.work.findings import findings_of
from delembic.migration import DataMigration
from delembic.status import Phase
from delembic.user_code import user_code


def call(
    method: Callable[[Connection], object],
    conn: Connection,
    revision: str,
    phase: Phase,
    check: Callable[[], None] = lambda: None,
) -> object:
    """Call a method of the user's, and check afterwards what it has left.

    Args:
        method: ``upgrade`` or ``validate``.
        conn: What it gets.
        revision: Whose method it is.
        phase: Which of the two.
        check: Raises if something is wrong with what it has left.

    Returns:
        What it returned.

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
    return answer


def collect(migration: DataMigration, answer: object, revision: str, course: Course) -> None:
    """Put the metadata that a migration has given into the course of its work.

    Args:
        migration: The migration, which has run.
        answer: What its ``upgrade`` returned.
        revision: Its revision.
        course: Gets the metadata.

    Raises:
        MigrationFailedError: A value has no text.
    """
    with user_code(partial(MigrationFailedError, revision, course.phase)):
        course.findings = findings_of(migration, answer)


def _require_yes(answer: object) -> None:
    """Refuse any answer of a ``validate`` but ``True`` and the ``None`` of a function's end.

    An answer that only looks like one, such as a count or a row, must not pass for yes.
    """
    if answer is False:
        raise ReturnedFalseError
    if answer is not None and answer is not True:
        raise UnclearAnswerError(type(answer))
