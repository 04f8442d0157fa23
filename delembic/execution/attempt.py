"""One attempt at one revision. This module keeps delembic's main promise.

The steps are: lock, settle, read the mark again, write ``running``, begin, upgrade, validate, mark,
commit, finish, unlock. The mark is in the same transaction as the work, so the work takes effect
exactly once. The log entry is not, so it survives a rollback.

The steps are done in `delembic.execution.work`. What became of them is decided in
`delembic.execution.fate`, and reported here: in the audit log, in an event, and to the caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import assert_never

from sqlalchemy.exc import SQLAlchemyError

from delembic.audit.entries import LogEntry
from delembic.audit.marks import Mark, mark_failed
from delembic.causes import describe
from delembic.database.dialects import kind_of
from delembic.errors import (
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
)
from delembic.execution.error_text import error_text
from delembic.execution.fate import Fate, Overtaken, Raised, Stopped, TookEffect, decide
from delembic.execution.run import Run
from delembic.execution.work.course import Course
from delembic.execution.work.outside import apply_outside
from delembic.execution.work.whole import apply_whole
from delembic.migration import DataMigration
from delembic.revisions.source import Revision
from delembic.status import Status, Undone

_OVERTAKEN = "Another run applied it in the meantime."


def attempt(
    run: Run,
    revision: Revision,
    make_migration: Callable[[], DataMigration],
    dependencies: Sequence[str],
) -> Outcome:
    """Run one migration, unless it is already applied.

    Args:
        run: The run that the attempt is part of.
        revision: The revision to run.
        make_migration: Returns an instance of its class; called only if it is to run.
        dependencies: The revisions that must be applied first.

    Returns:
        `Finished`, or `Skipped` if it was applied before or in the meantime.

    Raises:
        MigrationFailedError: The migration raised an error, or the database failed. The work was
            rolled back, and the attempt was recorded.
        MigrationBlockedError: A dependency is not applied. The attempt was recorded.
        LockTimeoutError: Another run held the lock for too long.
        LockLostError: Another run took over. The work was rolled back, and the attempt was
            recorded.
        KeyboardInterrupt: The operator stopped the run. The work was rolled back, and the attempt
            was recorded.
    """
    with run.holding(revision.id):
        mark = run.mark(revision.id)
        if mark and mark.applied:
            return _skip(run, mark)
        _refuse_if_blocked(run, revision, dependencies)
        return _Attempt(run, revision, make_migration(), over_failure=mark is not None).perform()


def _skip(run: Run, mark: Mark) -> Skipped:
    entry = run.ledger.find(mark.attempt_id)
    if entry and entry.status == Status.INTERRUPTED:
        run.settlement.settle(entry, mark)
    skipped = Skipped(
        mark.revision,
        mark.applied_at,
        entry.who if entry else None,
        entry.id if entry else None,
        mark.checksum,
    )
    run.emit(skipped)
    return skipped


def _refuse_if_blocked(run: Run, revision: Revision, dependencies: Sequence[str]) -> None:
    if waits_for := run.unapplied(dependencies):
        error = MigrationBlockedError(revision.id, waits_for)
        entry = run.ledger.blocked(revision, error.message)
        error.history_id = entry.id
        run.emit(Blocked(revision.id, entry.id, waits_for))
        raise error


@dataclass(slots=True)
class _Attempt:
    """An attempt, from its ``running`` entry to its end."""

    run: Run
    revision: Revision
    migration: DataMigration
    over_failure: bool
    entry: LogEntry = field(init=False)
    course: Course = field(default_factory=Course)
    started: float = field(default_factory=time.monotonic)

    def perform(self) -> Outcome:
        """Do the work, and record its end in any case."""
        self.entry = self.run.ledger.start(self.revision)
        try:
            self._announce()
            apply = apply_whole if self.migration.transaction else apply_outside
            mark = apply(
                self.run,
                self.revision.id,
                self.migration,
                self.course,
                lambda: self._mark(Status.SUCCESS),
                over_failure=self.over_failure,
            )
        except BaseException as error:
            outcome = self._end_after(error)
            if outcome is None:
                raise
            return outcome
        return self._finish(mark)

    def _end_after(self, error: BaseException) -> Outcome | None:
        """Record what became of the attempt.

        Returns:
            The outcome, if the revision has taken effect nevertheless; ``None`` if the error is to
            be raised as it is.

        Raises:
            MigrationFailedError: The migration did not take effect.
        """
        failure = self._failure(error)
        outcome = None
        with self._recording():
            fate = decide(
                self.entry.attempt_id, self._deciding_mark(error), raised=failure is not None
            )
            outcome = self._record(fate, error)
        if outcome and isinstance(error, Exception):
            return outcome
        if failure:
            self._report(failure)
            raise failure from _cause_of(error)
        return None

    def _failure(self, error: BaseException) -> MigrationFailedError | None:
        """Return the error as a failure; ``None`` if the attempt was stopped from outside."""
        match error:
            case MigrationFailedError():
                return error
            case LockLostError():
                return None
            case SQLAlchemyError():
                return MigrationFailedError(self.revision.id, self.course.phase, describe(error))
            case DelembicError():
                return MigrationFailedError(self.revision.id, self.course.phase, error.message)
        return None

    def _deciding_mark(self, error: BaseException) -> Mark | None:
        """Read the mark, unless the work was stopped before the mark could exist."""
        if self.course.may_have_committed:
            kind = kind_of(self.run.work.dialect.name)
            kind.await_end(self.run.work, self.course.transaction_id)
        elif not isinstance(error, Exception):
            return None
        return self.run.mark(self.revision.id)

    def _record(self, fate: Fate, error: BaseException) -> Outcome | None:
        lost = error.message if isinstance(error, LockLostError) else None
        match fate:
            case TookEffect():
                return self._finish(fate.mark)
            case Overtaken():
                self._end(Status.INTERRUPTED, exception=lost or _OVERTAKEN)
                return _skip(self.run, fate.mark)
            case Raised():
                self._end(Status.FAILED, exception=error_text(_cause_of(error)))
                mark_failed(self.run.home, self._mark(Status.FAILED))
            case Stopped():
                self._end(Status.INTERRUPTED, exception=lost)
                self.run.emit(Interrupted(self.revision.id, self.entry.id))
            case _:
                assert_never(fate)
        return None

    def _finish(self, mark: Mark) -> Finished:
        rows = self.course.rows_affected
        self._end(Status.SUCCESS, rows_affected=rows)
        finished = Finished(
            self.revision.id,
            self.entry.id,
            self.entry.attempt or 1,
            mark.applied_at or self.entry.started_at,
            mark.duration_seconds or 0.0,
            rows,
        )
        self.run.emit(finished)
        return finished

    def _announce(self) -> None:
        self.run.emit(
            Started(
                self.revision.id,
                self.revision.description,
                self.entry.attempt or 1,
                self.entry.id,
                self.entry.attempt_id or "",
            )
        )

    def _report(self, failure: MigrationFailedError) -> None:
        course = self.course
        failure.history_id = self.entry.id
        failure.explain(course.undone, connection_lost=course.lost)
        self.run.emit(
            Failed(
                self.revision.id,
                self.entry.id,
                self.entry.attempt or 1,
                failure.phase,
                failure.reason,
                self._seconds,
                course.undone == Undone.ALL,
            )
        )

    def _mark(self, status: Status) -> Mark:
        now = datetime.now(UTC)
        checksum = self.revision.checksum
        return Mark(self.revision.id, now, status, self._seconds, self.entry.attempt_id, checksum)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.started

    def _end(
        self, status: Status, *, exception: str | None = None, rows_affected: int | None = None
    ) -> None:
        with self._recording():
            self.run.ledger.finish(
                self.entry, status, exception=exception, rows_affected=rows_affected
            )

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """If the end cannot be recorded now, leave that to the next run."""
        try:
            yield
        except Exception as broken:  # noqa: BLE001 - it must not hide the migration's own error
            self.run.emit(RecordDelayed(self.revision.id, self.entry.id, describe(broken)))


def _cause_of(error: BaseException) -> BaseException:
    """Return the migration's own error, or the error of delembic's statements around it."""
    return (error.__cause__ or error) if isinstance(error, MigrationFailedError) else error
