"""Does something in a transaction, and ends it in the way that the caller chooses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from delembic.execution.work.course import Course
from delembic.execution.work.transaction import Transaction

_Result = TypeVar("_Result")


def perform(
    opening: AbstractContextManager[Transaction],
    course: Course,
    body: Callable[[Transaction], None],
    ending: Callable[[Transaction], _Result],
) -> _Result:
    """Do something in a transaction, and end it.

    Args:
        opening: `open_transaction` or `open_snapshot`.
        course: Records the progress.
        body: Does the work.
        ending: Commits or rolls back, after the body has succeeded.

    Returns:
        The result of the ending.

    Raises:
        BaseException: Any exception of the body or the ending, after a rollback.
    """
    with opening as transaction:
        course.transaction_id = transaction.transaction_id
        try:
            body(transaction)
            return ending(transaction)
        except BaseException as error:
            course.undone = transaction.roll_back(error)
            course.lost = transaction.lost
            raise
