"""Work in one transaction: upgrade, validate, mark, commit."""

from __future__ import annotations

from collections.abc import Callable

from delembic.audit.marks import Mark, mark_applied
from delembic.errors import LockLostError
from delembic.events import SlowInserts, TransactionEnded
from delembic.execution.run import Run
from delembic.execution.work.calls import collect
from delembic.execution.work.course import Course
from delembic.execution.work.perform import perform
from delembic.execution.work.rows import counting_rows
from delembic.execution.work.transaction import Transaction, open_transaction
from delembic.migration import DataMigration
from delembic.status import Phase, TransactionState


def apply_whole(
    run: Run,
    revision: str,
    migration: DataMigration,
    course: Course,
    make_mark: Callable[[], Mark],
    *,
    over_failure: bool,
) -> Mark:
    """Run a migration in one transaction, and commit it with its mark.

    Args:
        run: The run, whose work database and lock are used.
        revision: The migration's revision.
        migration: The migration to run.
        course: Records the progress.
        make_mark: Makes the mark of the success, right before it is written.
        over_failure: Whether there is a mark of an earlier failure to overwrite.

    Returns:
        The mark that was committed.

    Raises:
        MigrationFailedError: The user's code raised an error.
        LockLostError: Another run took over.
        SQLAlchemyError: One of delembic's own statements failed, in the phase of ``course``.
        DatabaseUnavailableError: The server does not answer.
    """

    def on_slow(rows: int) -> None:
        run.emit(SlowInserts(revision, rows))

    def body(transaction: Transaction) -> None:
        course.phase = Phase.UPGRADE
        with counting_rows(transaction.conn, course, on_slow):
            answer = transaction.call(migration.upgrade, revision, course.phase)
        course.phase = Phase.VALIDATE
        transaction.call(migration.validate, revision, course.phase)
        collect(migration, answer, revision, course)

    def ending(transaction: Transaction) -> Mark:
        course.phase = Phase.MARK
        if transaction.come_back() == TransactionState.COMMITTED:
            run.emit(TransactionEnded(revision))
        if not run.lock.confirm(revision, transaction.conn):
            raise LockLostError(revision)
        mark = make_mark()
        mark_applied(transaction.conn, mark, over_failure=over_failure, schema=run.schema)
        course.phase = Phase.COMMIT
        transaction.commit()
        return mark

    return perform(open_transaction(run.work), course, body, ending)
