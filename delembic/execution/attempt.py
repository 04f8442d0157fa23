"""One attempt at one revision: the promise of the whole product.

Lock, look again, settle, write ``running``, begin, upgrade, validate, mark, commit, finish, unlock.
The mark is in the same transaction as the work, the audit row is not: so the work takes effect
exactly once, and the record outlives the rollback.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from delembic.audit.attempts import Attempt
from delembic.audit.marks import Mark, mark_applied, mark_failed
from delembic.audit.status import Status
from delembic.causes import describe
from delembic.database.driver_errors import values_withheld
from delembic.errors import (
    DatabaseUnavailableError,
    DelembicError,
    LockLostError,
    MigrationBlockedError,
    MigrationFailedError,
)
from delembic.events import (
    Blocked,
    Failed,
    Finished,
    Interrupted,
    Outcome,
    RecordDelayed,
    Skipped,
    Started,
    TransactionEnded,
)
from delembic.execution.error_text import error_text
from delembic.execution.runner import Runner
from delembic.execution.work import Work, await_end, open_work
from delembic.migration import DataMigration
from delembic.revisions.source import Revision
from delembic.user_code import user_code


def attempt(
    runner: Runner,
    revision: Revision,
    make_migration: Callable[[], DataMigration],
    dependencies: Sequence[str],
) -> Outcome:
    """Run one migration, unless it has taken effect already.

    Args:
        runner: The run that this is part of.
        revision: What to run.
        make_migration: Gives an instance of its class; called only if it is to run.
        dependencies: The revisions that have to be applied before.

    Returns:
        How it ended: `Finished`, or `Skipped` if it had been applied before or meanwhile.

    Raises:
        MigrationFailedError: It raised, and was rolled back and recorded.
        MigrationBlockedError: A dependency is not applied. Recorded too.
        LockTimeoutError: Another runner is at it.
        KeyboardInterrupt: The operator stopped it; rolled back and recorded.
    """
    with runner.holding(revision.id):
        mark = runner.mark(revision.id)
        if mark and mark.applied:
            return _skipped(runner, mark)
        _refuse_if_blocked(runner, revision, dependencies)
        return _Run(runner, revision, make_migration(), over_failure=mark is not None).recorded()


def _skipped(runner: Runner, mark: Mark) -> Skipped:
    row = runner.ledger.find(mark.run_id)
    if row and row.status == Status.INTERRUPTED:
        runner.settle(row, mark)
    skipped = Skipped(
        mark.revision,
        mark.applied_at,
        row.who if row else None,
        row.id if row else None,
        mark.checksum,
    )
    runner.emit(skipped)
    return skipped


def _refuse_if_blocked(runner: Runner, revision: Revision, dependencies: Sequence[str]) -> None:
    if waits_for := runner.unapplied(dependencies):
        error = MigrationBlockedError(revision.id, waits_for)
        row = runner.ledger.blocked(revision, error.message)
        error.history_id = row.id
        runner.emit(Blocked(revision.id, row.id, waits_for))
        raise error


@dataclass(slots=True)
class _Run:
    """From the ``running`` row to its end."""

    runner: Runner
    revision: Revision
    migration: DataMigration
    over_failure: bool
    row: Attempt = field(init=False)
    work: Work | None = None
    committing: bool = False
    rolled_back: bool = True
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def recorded(self) -> Outcome:
        """Do the work, and see that its row gets an end however it goes."""
        self.row = self.runner.ledger.start(self.revision)
        try:
            self._announce()
            mark = self._do()
        except MigrationFailedError as error:
            return self._failed(error, error.__cause__ or error)
        except LockLostError as error:
            return self._lost(error)
        except (SQLAlchemyError, DelembicError) as cause:
            return self._failed(self._failure("commit")(describe(cause)), cause)
        except BaseException:
            self._interrupted()
            raise
        return self._finished(mark)

    def _announce(self) -> None:
        self.runner.emit(
            Started(
                self.revision.id,
                self.revision.description,
                self.row.attempt or 1,
                self.row.id,
                self.row.run_id or "",
            )
        )

    def _do(self) -> Mark:
        with open_work(self.runner.work) as work:
            self.work = work
            try:
                self._run_user_code(work)
                return self._commit(work)
            except BaseException as error:
                self.rolled_back = work.roll_back(error)
                raise

    def _run_user_code(self, work: Work) -> None:
        withheld = values_withheld(self.runner.work)
        with user_code(self._failure("upgrade")), withheld, work.counting_rows():
            self.migration.upgrade(work.conn)
            work.refuse_closed()
        with user_code(self._failure("validate")), values_withheld(self.runner.work):
            self.migration.validate(work.conn)
            work.refuse_closed()

    def _commit(self, work: Work) -> Mark:
        work.come_back()
        if not work.intact:
            self.runner.emit(TransactionEnded(self.revision.id))
        if not self.runner.lock.confirm(self.revision.id, work.conn):
            raise LockLostError(self.revision.id)
        mark = self._mark(Status.SUCCESS)
        mark_applied(work.conn, mark, over_failure=self.over_failure)
        self.committing = True
        work.conn.commit()
        return mark

    def _failure(self, phase: str) -> Callable[[str], MigrationFailedError]:
        return lambda reason: MigrationFailedError(self.revision.id, phase, reason)

    def _mark(self, status: Status) -> Mark:
        now = datetime.now(UTC)
        checksum = self.revision.checksum
        return Mark(self.revision.id, now, status, self.seconds, self.row.run_id, checksum)

    def _finished(self, mark: Mark) -> Finished:
        rows = self.work.rows_affected if self.work else 0
        self._end(Status.SUCCESS, rows_affected=rows)
        finished = Finished(
            self.revision.id,
            self.row.id,
            self.row.attempt or 1,
            mark.applied_at or self.row.started_at,
            mark.duration_seconds or 0.0,
            rows,
        )
        self.runner.emit(finished)
        return finished

    def _interrupted(self) -> None:
        """Record an interruption, unless it came when the work was committed already."""
        try:
            if not (self.committing and self._outcome_by_mark()):
                self._end(Status.INTERRUPTED)
                self.runner.emit(Interrupted(self.revision.id, self.row.id))
        except (SQLAlchemyError, DatabaseUnavailableError) as broken:
            self._delayed(broken)

    def _failed(self, error: MigrationFailedError, cause: BaseException) -> Outcome:
        """Record a failure, unless the mark tells that the revision took effect all the same."""
        try:
            if outcome := self._outcome_by_mark():
                return outcome
            self._end(Status.FAILED, exception=error_text(cause))
            mark_failed(self.runner.home, self._mark(Status.FAILED))
        except (SQLAlchemyError, DatabaseUnavailableError) as broken:
            self._delayed(broken)
        raise self._told(error) from cause

    def _lost(self, error: LockLostError) -> Outcome:
        """Leave the revision to the runner that has taken over, and say what became of this one."""
        mark = self.runner.mark(self.revision.id)
        self._end(Status.INTERRUPTED, exception=error.message)
        if mark and mark.applied:
            return _skipped(self.runner, mark)
        self.runner.emit(Interrupted(self.revision.id, self.row.id))
        raise error

    def _outcome_by_mark(self) -> Outcome | None:
        if self.committing and self.work:
            await_end(self.runner.work, self.work.transaction_id)
        mark = self.runner.mark(self.revision.id)
        if mark is None or not mark.applied:
            return None
        if mark.run_id == self.row.run_id:
            return self._finished(mark)
        self._end(Status.INTERRUPTED, exception="Another run applied it meanwhile.")
        return _skipped(self.runner, mark)

    def _told(self, error: MigrationFailedError) -> MigrationFailedError:
        error.history_id = self.row.id
        if not self.rolled_back:
            error.remedy = (
                "It had committed some of its work by itself; that part stays, and the next attempt"
                " does it again. Correct the migration or the data, then run the upgrade again."
            )
        self.runner.emit(
            Failed(
                self.revision.id,
                self.row.id,
                self.row.attempt or 1,
                error.phase,
                error.reason,
                self.seconds,
                self.rolled_back,
            )
        )
        return error

    def _end(
        self, status: Status, *, exception: str | None = None, rows_affected: int | None = None
    ) -> None:
        try:
            self.runner.ledger.finish(
                self.row, status, exception=exception, rows_affected=rows_affected
            )
        except SQLAlchemyError as error:
            self._delayed(error)

    def _delayed(self, error: Exception) -> None:
        self.runner.emit(RecordDelayed(self.revision.id, self.row.id, describe(error)))
