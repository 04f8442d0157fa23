"""Work that leaves nothing behind: a ``validate`` on one state of the data, rolled back."""

from __future__ import annotations

from sqlalchemy import Engine

from delembic.execution.work.course import Course
from delembic.execution.work.perform import perform
from delembic.execution.work.transaction import Transaction, open_snapshot
from delembic.migration import DataMigration
from delembic.status import Phase


def validate_rolled_back(
    work: Engine, revision: str, migration: DataMigration, course: Course
) -> None:
    """Run a migration's ``validate``, and roll back everything it did.

    Args:
        work: The work database.
        revision: The migration's revision.
        migration: The migration whose ``validate`` is run.
        course: Records whether everything was rolled back, even after a failure.

    Raises:
        MigrationFailedError: The ``validate`` raised an error.
        DatabaseUnavailableError: The server does not answer.
        DBAPIError: The transaction could not be begun or rolled back.
    """

    def body(transaction: Transaction) -> None:
        course.phase = Phase.VALIDATE
        transaction.call(migration.validate, revision, course.phase)

    def ending(transaction: Transaction) -> None:
        course.undone = transaction.roll_back(None)

    perform(open_snapshot(work), course, body, ending)
