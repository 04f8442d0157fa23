"""How an attempt ends: what became of it is put on record, into an event, and to the caller."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, assert_never

from sqlalchemy.exc import SQLAlchemyError

from delembic.audit.entries import LogEntry
from delembic.audit.marks import Mark, mark_failed
from delembic.causes import describe
from delembic.database.dialects import kind_of
from delembic.errors import (
    CommitInDoubtError,
    DelembicError,
    LockLostError,
    MigrationFailedError,
)
from delembic.events import Failed, Finished, Interrupted, Outcome, RecordDelayed, Skipped
from delembic.execution.error_text import error_text
from delembic.execution.fate import Fate, Overtaken, Raised, Stopped, TookEffect, decide
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
        started: By `time.monotonic`.
    """

    run: Run
    revision: Revision
    entry: LogEntry
    course: Course
    started: float = field(default_factory=time.monotonic)

    def mark(self, status: Status) -> Mark:
        """Return the mark of the attempt as of now."""
        now = datetime.now(UTC)
        checksum = self.revision.checksum
        return Mark(self.revision.id, now, status, self._seconds, self.entry.attempt_id, checksum)

    def finish(self, mark: Mark) -> Finished:
        """Record that the work has taken effect."""
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
                self._end(Status.INTERRUPTED, exception=lost)
                self.run.emit(Interrupted(self.revision.id, self.entry.id))
            case _:
                assert_never(fate)
        return None

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
        self._end(Status.FAILED, exception=error_text(_cause_of(error)))
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

    def _recording(self) -> _Recording:
        return _Recording(self.run, self.entry)


class _Recording:
    """Leaves the end of an entry to the next run, if it cannot be written now."""

    def __init__(self, run: Run, entry: LogEntry) -> None:
        self.failed = False
        self._run = run
        self._entry = entry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        # Whatever a driver raises: it must not hide the migration's own error.
        if not isinstance(error, Exception) or isinstance(error, CommitInDoubtError):
            return False
        self.failed = True
        self._run.emit(RecordDelayed(self._entry.revision, self._entry.id, describe(error)))
        return True


def _cause_of(error: BaseException) -> BaseException:
    """Return the migration's own error, or the error of delembic's statements around it."""
    return (error.__cause__ or error) if isinstance(error, MigrationFailedError) else error
