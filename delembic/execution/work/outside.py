"""Work outside of a transaction, for what a database refuses inside of one.

Each statement is committed by itself, and the mark is written when all of them are done. A run that
dies in between leaves work without a mark, so the next attempt does it again: at least once.
"""

from __future__ import annotations

from collections.abc import Callable

from delembic.audit.marks import Mark, mark_applied
from delembic.database.connections import autocommitting
from delembic.database.dialects import kind_of
from delembic.errors import LockLostError
from delembic.events import OutsideTransaction, SlowInserts
from delembic.execution.run import Run
from delembic.execution.work.calls import call, collect
from delembic.execution.work.course import Course
from delembic.execution.work.rows import counting_rows
from delembic.migration import DataMigration
from delembic.status import Phase, Undone


def apply_outside(
    run: Run,
    revision: str,
    migration: DataMigration,
    course: Course,
    make_mark: Callable[[], Mark],
    *,
    over_failure: bool,
) -> Mark:
    """Run a migration on a connection in autocommit mode, and mark it afterwards.

    The arguments and the errors are those of `delembic.execution.work.whole.apply_whole`.

    Returns:
        The mark that was written, on the home connection: nothing that the migration has set for
        its session leads it elsewhere.
    """

    def on_slow(rows: int) -> None:
        run.emit(SlowInserts(revision, rows))

    run.emit(OutsideTransaction(revision))
    with autocommitting(run.work) as conn, kind_of(conn.dialect.name).outside(conn):
        course.undone = Undone.NOTHING
        course.phase = Phase.UPGRADE
        with counting_rows(conn, course, on_slow):
            answer = call(migration.upgrade, conn, revision, course.phase)
        course.phase = Phase.VALIDATE
        call(migration.validate, conn, revision, course.phase)
        collect(migration, answer, revision, course)
        course.phase = Phase.COMMIT
        if not run.lock.confirm(revision, conn):
            raise LockLostError(revision)
        mark = make_mark()
        mark_applied(run.home, mark, over_failure=over_failure, schema=run.schema)
    return mark
