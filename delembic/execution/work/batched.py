"""Work in batches: each in a transaction of its own, with the checkpoint that counts it.

The end is a transaction too. It runs ``validate`` and writes the mark.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from delembic.audit.checkpoint_table import checkpoint_table_of
from delembic.audit.checkpoints import Checkpoint
from delembic.audit.marks import Mark
from delembic.audit.skipped import skipped_table_of
from delembic.audit.tables import ensure
from delembic.batches.sizing import Search, Sizing
from delembic.causes import describe
from delembic.database.dialects import Trouble, kind_of
from delembic.database.driver_errors import chain_of
from delembic.errors import (
    BadRowError,
    CommittedBatchError,
    DatabaseUnavailableError,
    DelembicError,
    LoadError,
    MigrationFailedError,
    MigrationPausedError,
    TooManySkippedError,
)
from delembic.events import BatchDone, BatchRetried, Progress, Resuming, RowSkipped
from delembic.execution.continuation import Continuation
from delembic.execution.run import Run
from delembic.execution.work.batch import BatchWork
from delembic.execution.work.course import Course
from delembic.execution.work.throttling import Throttling
from delembic.execution.work.transaction import Worker
from delembic.status import Phase, Undone

_MOST_TRIES = 10
"""How often a batch is tried again after a conflict or a lost connection."""
_BREATH_EVERY_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 10.0

_Recoverable: TypeAlias = MigrationFailedError | SQLAlchemyError | DatabaseUnavailableError


def apply_batched(
    run: Run,
    continuation: Continuation,
    course: Course,
    make_mark: Callable[[], Mark],
    *,
    over_failure: bool,
) -> Mark:
    """Run what is left of a migration in batches, and mark it.

    Args:
        run: The run, whose work database and lock are used.
        continuation: The migration, and where it begins or goes on.
        course: Records the progress.
        make_mark: Makes the mark of the success, right before it is written.
        over_failure: Whether there is a mark of an earlier failure to overwrite.

    Returns:
        The mark that was committed.

    Raises:
        MigrationFailedError: The user's code raised an error, for one row at least.
        MigrationPausedError: Somebody has paused it, or the time of the run is up.
        LockLostError: Another run took over.
        SQLAlchemyError: One of delembic's own statements failed, in the phase of ``course``.
        DatabaseUnavailableError: The server does not answer.
    """
    revision, migration = continuation.revision, continuation.migration
    ensure(run.home, checkpoint_table_of(run.home))
    if migration.on_error == "skip":
        ensure(run.home, skipped_table_of(run.home))
    own = make_mark()
    with (
        closing(continuation.source) as source,
        Worker(run.work) as worker,
        Throttling(run, revision, migration) as throttling,
    ):
        work = BatchWork(run, revision, migration, source, course, worker, own.attempt_id)
        try:
            batches = _Batches(work, throttling, _start(work, own, continuation))
            batches.do_all()
            return work.finish(make_mark, over_failure=over_failure)
        except BaseException:
            if course.undone == Undone.ALL and course.progress and course.progress.batches:
                course.undone = Undone.LAST_BATCH
            raise


def _start(work: BatchWork, own: Mark, continuation: Continuation) -> Checkpoint:
    """Begin the work, or go on with it, and return the checkpoint."""
    if continuation.checkpoint is None:
        return work.begin(own.checksum, work.migration.batch_size)
    checkpoint = work.take_over(own.checksum)
    changed = continuation.checkpoint.checksum != own.checksum
    work.course.progress = checkpoint.progress
    work.run.emit(Resuming(work.revision, work.course.progress, changed))
    return checkpoint


@dataclass(slots=True)
class _Batches:
    """One batch after the other, until nothing is left."""

    work: BatchWork
    throttling: Throttling
    checkpoint: Checkpoint
    sizing: Sizing = field(init=False)
    search: Search = field(default_factory=Search)
    tries: int = 0
    breathed_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        migration = self.work.migration
        low, high = migration.batch_size_limits
        size = self.checkpoint.size or migration.batch_size
        # A size that the user has chosen is right, whatever the limits are.
        limits = (min(low, migration.batch_size), max(high, migration.batch_size))
        self.sizing = Sizing(size, migration.batch_seconds, limits)
        self._note(self.checkpoint)

    def do_all(self) -> None:
        """Do all batches that are left.

        Raises:
            MigrationFailedError: A batch cannot be done.
            MigrationPausedError: It has to stop before the end.
        """
        while self._do_one():
            pass

    def _do_one(self) -> bool:
        """Do one batch, or find out why it cannot be done; return whether there may be more."""
        self._stop_if_over()
        self.throttling.wait()
        rows, began_at = self.work.course.rows_affected, time.monotonic()
        size = self.search.size or (None if self.work.source.has_own_size else self.sizing.size)
        try:
            checkpoint = self.work.advance(size, self.sizing)
        except BaseException as error:
            if not isinstance(error, CommittedBatchError):
                self.work.course.rows_affected = None if self.work.in_doubt else rows
            if not isinstance(error, _Recoverable):
                raise
            self._recover(error, size)
            return True
        if checkpoint is None:
            return False
        self._count(checkpoint, time.monotonic() - began_at, rows)
        return True

    def _count(self, checkpoint: Checkpoint, seconds: float, rows_before: int | None) -> None:
        done = checkpoint.rows - self.checkpoint.rows
        self.tries = 0
        if self.search.size is None:
            changed = self.work.course.rows_affected != rows_before or rows_before is None
            self.sizing.done(done, seconds, changed=changed)
        else:
            self.search.passed(done)
        self._note(checkpoint)
        self.work.run.emit(BatchDone(self.work.revision, self.progress, seconds))
        self._breathe()

    def _note(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.work.course.progress = self.progress

    @property
    def progress(self) -> Progress:
        """How far the work has come."""
        return replace(self.checkpoint, rows_per_second=self.sizing.rate).progress

    def _recover(self, error: _Recoverable, size: int | None) -> None:
        """Find out what a batch that has failed needs.

        Raises:
            MigrationFailedError: Nothing helps.
            SQLAlchemyError: The same, for one of delembic's own statements.
            DatabaseUnavailableError: The server does not answer any more.
        """
        course = self.work.course
        if self.work.in_doubt or isinstance(error, DatabaseUnavailableError):
            self._try_again(error)  # the checkpoint says what became of the batch
            return
        if course.undone != Undone.ALL or _is_refused(error):
            raise error
        trouble = self._trouble(error)
        if course.lost or trouble == Trouble.CONFLICT:
            self._try_again(error)
        elif trouble == Trouble.TOO_LONG and self.sizing.size > self.sizing.limits[0]:
            self.sizing.halve()
            self._tell_retry(error, self.sizing.size)
        elif isinstance(error, MigrationFailedError):
            self._look_for_row(error, size)
        else:
            raise error

    def _try_again(self, error: BaseException) -> None:
        self.tries += 1
        if self.tries > _MOST_TRIES:
            raise error
        longest = min(0.1 * 2**self.tries, _LONGEST_WAIT_SECONDS)
        wait_seconds = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
        self._tell_retry(error, self.sizing.size, wait_seconds)
        time.sleep(wait_seconds)

    def _look_for_row(self, error: MigrationFailedError, size: int | None) -> None:
        """Halve the batch, or treat the row that was found."""
        cut = self.work.cut
        if cut is None:
            raise error
        divisible = size is None or cut.rows <= size
        if self.search.failed(cut.rows if divisible else 1):
            self._tell_retry(error, self.search.size or 1)
            return
        cause = error.__cause__ or error
        migration, skipped = self.work.migration, self.checkpoint.skipped
        if migration.on_error != "skip":
            raise self._failed(BadRowError(cut.place, describe(cause))) from cause
        if skipped + cut.rows > (migration.max_skipped or 0):
            too_many = TooManySkippedError(cut.place, describe(cause), migration.max_skipped or 0)
            raise self._failed(too_many) from cause
        self._note(self.work.skip(cut, cause))
        self.work.run.emit(RowSkipped(self.work.revision, cut.place, describe(cause)))

    def _failed(self, error: DelembicError) -> MigrationFailedError:
        return MigrationFailedError(self.work.revision, Phase.BATCH, error.message)

    def _trouble(self, error: BaseException) -> Trouble | None:
        kind = kind_of(self.work.run.work.dialect.name)
        return next(filter(None, map(kind.trouble, chain_of(error))), None)

    def _tell_retry(self, error: BaseException, size: int, wait_seconds: float = 0.0) -> None:
        reason = error.reason if isinstance(error, MigrationFailedError) else describe(error)
        self.work.run.emit(BatchRetried(self.work.revision, reason, size, wait_seconds))

    def _stop_if_over(self) -> None:
        if self.work.run.is_over:
            raise MigrationPausedError(self.work.revision, self.progress, held=False)

    def _breathe(self) -> None:
        """Let other programs write, where they wait for the whole database."""
        seconds = kind_of(self.work.run.work.dialect.name).breath_seconds
        if seconds and time.monotonic() - self.breathed_at > _BREATH_EVERY_SECONDS:
            time.sleep(seconds)
            self.breathed_at = time.monotonic()


def _is_refused(error: BaseException) -> bool:
    """Whether delembic itself has refused what the user's code did, so that no retry helps."""
    cause = error.__cause__
    return isinstance(cause, DelembicError) and not isinstance(cause, LoadError)
