"""One attempt at one revision. This module keeps delembic's main promise.

The steps are: lock, settle, read the mark again, write ``running``, begin, upgrade, validate, mark,
commit, finish, unlock. The mark is in the same transaction as the work, so the work takes effect
exactly once. The log entry is not, so it survives a rollback.

The steps are done in `delembic.execution.work`. What became of them is decided in
`delembic.execution.fate`, and reported here: in the audit log, in an event, and to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from delembic.audit.ledger import Beginning
from delembic.audit.marks import Mark
from delembic.audit.stopwatch import Stopwatch
from delembic.errors import MigrationBlockedError
from delembic.events import Blocked, Outcome, Reapplying, Started
from delembic.execution.continuation import find_continuation
from delembic.execution.ending import Ending, skip
from delembic.execution.run import Run
from delembic.execution.work.batched import apply_batched
from delembic.execution.work.course import Course
from delembic.execution.work.outside import apply_outside
from delembic.execution.work.whole import apply_whole
from delembic.migration import BatchedMigration, DataMigration
from delembic.revisions.source import Revision
from delembic.status import Status


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
        MigrationPausedError: It works in batches and has stopped between two of them, or somebody
            has paused it. Nothing is lost.
        UnfitBatchesError: Its work cannot be cut into batches. Nothing was run.
        OtherBatchesError: What cuts its work has changed. Nothing was run.
        LockTimeoutError: Another run held the lock for too long.
        LockLostError: Another run took over. The work was rolled back, and the attempt was
            recorded.
        KeyboardInterrupt: The operator stopped the run. The work was rolled back, and the attempt
            was recorded.
    """
    with run.holding(revision.id):
        mark = run.mark(revision.id)
        if mark and mark.applied:
            return skip(run, mark)
        _refuse_if_blocked(run, revision, dependencies)
        migration = make_migration()
        apply = _way_to_apply(run, revision, migration)
        return _Attempt(run, revision, migration, apply, over_failure=mark is not None).perform()


def _way_to_apply(run: Run, revision: Revision, migration: DataMigration) -> Callable[..., Mark]:
    """Return what applies a migration, and refuse one in batches that cannot begin or go on."""
    if isinstance(migration, BatchedMigration):
        continuation = find_continuation(run, revision.id, migration)
        return partial(apply_batched, run, continuation)
    apply = apply_whole if migration.transaction else apply_outside
    return partial(apply, run, revision.id, migration)


def _refuse_if_blocked(run: Run, revision: Revision, dependencies: Sequence[str]) -> None:
    if waits_for := run.unapplied(dependencies):
        error = MigrationBlockedError(revision.id, waits_for)
        entry = run.ledger.blocked(revision, error.message)
        error.history_id = entry.id
        run.emit(Blocked(revision.id, entry.id, waits_for))
        raise error


@dataclass(frozen=True, slots=True)
class _Attempt:
    """From the ``running`` entry to its end."""

    run: Run
    revision: Revision
    migration: DataMigration
    apply: Callable[..., Mark]
    over_failure: bool

    def perform(self) -> Outcome:
        """Do the work, and give the attempt's entry an end however the work goes."""
        course, stopwatch = Course(), Stopwatch()
        beginning = self.run.ledger.start(self.revision, stopwatch)
        ending = Ending(self.run, self.revision, beginning.entry, course, stopwatch)
        try:
            self._announce(beginning)
            mark = self.apply(
                course,
                lambda: ending.mark(Status.SUCCESS),
                over_failure=self.over_failure,
            )
        except BaseException as error:
            outcome = ending.end_after(error)
            if outcome is None:
                raise
            return outcome
        return ending.finish(mark)

    def _announce(self, beginning: Beginning) -> None:
        entry = beginning.entry
        self.run.emit(
            Started(
                self.revision.id,
                self.revision.description,
                entry.attempt or 1,
                entry.id,
                entry.attempt_id or "",
            )
        )
        if beginning.last_success is not None:
            self.run.emit(Reapplying(self.revision.id, beginning.last_success))
