"""How an attempt ends: what became of it is put on record, into an event, and to the caller."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from delembic.audit.entries import LogEntry
from delembic.audit.marks import Mark, mark_failed, read_marks
from delembic.audit.stopwatch import Stopwatch
from delembic.causes import describe
from delembic.database.dialects import kind_of
from delembic.errors import (
    CommitInDoubtError,
    CommitLostError,
    DatabaseUnavailableError,
    DelembicError,
    LockLostError,
    MigrationFailedError,
    MigrationPausedError,
)
from delembic.events import Failed, Finished, Interrupted, Outcome, Paused, Skipped
from delembic.execution.advice import advice_on
from delembic.execution.error_text import error_text
from delembic.execution.fate import Fate, Overtaken, Raised, Stopped, TookEffect, decide
from delembic.execution.recording import Recording
from delembic.execution.run import Run
from delembic.execution.work.course import Course
from delembic.revisions.source import Revision
from delembic.status import Status, Undone

_OVERTAKEN = "Another run applied it in the meantime."


def skip(run: Run, mark: Mark) -> Skipped:
    """Report a revision that has taken effect without this attempt, and settle the one that did."""
    entry = run.ledger.find(mark.attempt_id)
    if entry and entry.status != Status.SUCCESS:
        run.settlement.settle(entry, mark)
    skipped = Skipped(
        mark.revision,
        mark.applied_at,
        entry.who if entry else None,
        entry.id if entry else None,
        mark.checksum,
        entry.attempt if entry else None,
        entry.duration_seconds if entry else None,
        entry.rows_affected if entry else None,
    )
    run.emit(skipped)
    return skipped


@dataclass(slots=True)
class Ending:
    """The end of one attempt.

    Attributes:
        run: The run that it is part of.
        revision: What was run.
        entry: Its ``running`` entry.
        course: How far its work has come.
        stopwatch: Runs since it began.
    """

    run: Run
    revision: Revision
    entry: LogEntry
    course: Course
    stopwatch: Stopwatch

    def mark(self, status: Status) -> Mark:
        """Return the mark of the attempt as of now."""
        return Mark(
            self.revision.id,
            self.stopwatch.now,
            status,
            self.stopwatch.seconds,
            self.entry.attempt_id,
            self.revision.checksum,
        )

    def finish(self, mark: Mark) -> Outcome:
        """Record that the work has taken effect.

        Returns:
            `Finished`, or `Skipped` if the database has lost it and another run has applied it.

        Raises:
            MigrationFailedError: The database confirmed the commit, and has lost it since.
        """
        rows = self.course.rows_affected
        if not self._end(Status.SUCCESS, rows_affected=rows, metadata=self.course.findings) and (
            fate := self._loss()
        ):
            return self._end_lost(fate)
        finished = Finished(
            self.revision.id,
            self.entry.id,
            self.entry.attempt or 1,
            mark.applied_at or self.entry.started_at,
            mark.duration_seconds or 0.0,
            rows,
            self.course.findings,
        )
        self.run.emit(finished)
        return finished

    def end_after(self, error: BaseException) -> Outcome | None:
        """Record what became of the attempt.

        Returns:
            The outcome, if the revision has taken effect nevertheless; ``None`` if the error is to
            be raised as it is.

        Raises:
            MigrationFailedError: The migration did not take effect.
            CommitInDoubtError: Nobody can tell yet whether it did.
        """
        failure = self._failure(error)
        outcome = None
        with self._recording() as recording:
            fate = decide(
                self.entry.attempt_id, self._deciding_mark(error), raised=failure is not None
            )
            outcome = self._record(fate, error)
        if outcome and isinstance(error, Exception):
            return outcome
        if failure and recording.failed and self.course.may_have_committed:
            raise self._doubt(failure) from error
        if failure:
            self._report(failure)
            raise failure from _cause_of(error)
        return None

    def _loss(self) -> Fate | None:
        """After a commit whose success could not be recorded: what has become of it, if not that.

        The database may have lost it, and delembic's tables with it. If it does not answer, its
        word still stands.
        """
        with suppress(DBAPIError, DatabaseUnavailableError):
            mark = read_marks(self.run.home).get(self.revision.id)
            fate = decide(self.entry.attempt_id, mark, raised=True)
            return None if isinstance(fate, TookEffect) else fate
        return None

    def _end_lost(self, fate: Fate) -> Outcome:
        error = CommitLostError()
        if isinstance(fate, Overtaken):
            self._end(Status.INTERRUPTED, exception=error.message)
            return skip(self.run, fate.mark)
        self._end(Status.FAILED, exception=error.message)
        self.course.lost = True
        failure = MigrationFailedError(self.revision.id, self.course.phase, error.message)
        self._report(failure)
        raise failure from error

    def _failure(self, error: BaseException) -> MigrationFailedError | None:
        """Return the error as a failure; ``None`` if the attempt was stopped from outside."""
        match error:
            case MigrationFailedError():
                return error
            case LockLostError() | MigrationPausedError():
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
            if not kind.await_end(self.run.work, self.course.transaction_id):
                raise self._doubt(error)
        elif not isinstance(error, Exception):
            return None
        return self.run.mark(self.revision.id)

    def _record(self, fate: Fate, error: BaseException) -> Outcome | None:
        lost = error.message if isinstance(error, LockLostError) else None
        match fate:
            case TookEffect():
                return self.finish(fate.mark)
            case Overtaken():
                self._end(Status.INTERRUPTED, exception=lost or _OVERTAKEN)
                return skip(self.run, fate.mark)
            case Raised():
                return self._record_failure(error)
            case Stopped():
                self._record_stop(error, lost)
            case _:
                assert_never(fate)
        return None

    def _record_stop(self, error: BaseException, lost: str | None) -> None:
        progress = self.course.progress
        rows = self.course.rows_affected if progress else None
        if isinstance(error, MigrationPausedError) and progress:
            self._end(Status.PAUSED, rows_affected=rows)
            self.run.emit(Paused(self.revision.id, self.entry.id, progress, error.held))
        else:
            self._end(Status.INTERRUPTED, exception=lost, rows_affected=rows)
            self.run.emit(Interrupted(self.revision.id, self.entry.id, progress is not None))

    def _record_failure(self, error: BaseException) -> Outcome | None:
        """Record a failure, unless the mark that is there instead proves something else.

        The mark comes first: its primary key waits for a commit in doubt, and a conflict proves it.
        """
        written = True
        with self._recording() as recording:
            written = mark_failed(self.run.home, self.mark(Status.FAILED))
        if recording.failed and self.course.may_have_committed:
            raise self._doubt(error)
        if not written:
            fate = decide(self.entry.attempt_id, self.run.mark(self.revision.id), raised=True)
            if not isinstance(fate, Raised):
                return self._record(fate, error)
        rows = self.course.rows_affected if self.course.progress else None
        self._end(Status.FAILED, exception=error_text(_cause_of(error)), rows_affected=rows)
        return None

    def _doubt(self, error: BaseException) -> CommitInDoubtError:
        """Return the error for a commit in doubt; the entry stays ``running`` until a run knows."""
        doubt = CommitInDoubtError(self.revision.id, describe(_cause_of(error)))
        with self._recording():
            self.run.ledger.note(self.entry, doubt.message)
        return doubt

    def _report(self, failure: MigrationFailedError) -> None:
        course = self.course
        failure.history_id = self.entry.id
        advice = advice_on(failure.__cause__)
        failure.explain(course.undone, connection_lost=course.lost, advice=advice)
        self.run.emit(
            Failed(
                self.revision.id,
                self.entry.id,
                self.entry.attempt or 1,
                failure.phase,
                failure.reason,
                self.stopwatch.seconds,
                course.undone == Undone.ALL,
            )
        )

    def _end(
        self,
        status: Status,
        *,
        exception: str | None = None,
        rows_affected: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record the end, and return whether it is on record now."""
        ended = False
        with self._recording():
            ended = self.run.ledger.finish(
                self.entry,
                status,
                self.stopwatch,
                exception=exception,
                rows_affected=rows_affected,
                metadata=metadata,
            )
        return ended

    def _recording(self) -> Recording:
        return Recording(self.run, self.entry)


def _cause_of(error: BaseException) -> BaseException:
    """Return the migration's own error, or the error of delembic's statements around it."""
    return (error.__cause__ or error) if isinstance(error, MigrationFailedError) else error
