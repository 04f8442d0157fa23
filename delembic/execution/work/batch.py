"""One batch of a migration: a transaction with its work and its checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from delembic.audit.checkpoints import (
    Checkpoint,
    CheckpointState,
    lock_checkpoint,
    save_checkpoint,
    take_checkpoint,
)
from delembic.audit.cursors import encode
from delembic.audit.marks import Mark, mark_applied
from delembic.audit.skipped import SkippedRow, add_skipped
from delembic.batches.sizing import Sizing
from delembic.batches.source import Cut, Source
from delembic.errors import CommittedBatchError, LockLostError, MigrationPausedError, TakenOverError
from delembic.events import SlowInserts, TransactionEnded
from delembic.execution.error_text import error_text
from delembic.execution.run import Run
from delembic.execution.work.calls import collect
from delembic.execution.work.course import Course
from delembic.execution.work.perform import perform
from delembic.execution.work.rows import counting_rows
from delembic.execution.work.transaction import Transaction, Worker
from delembic.migration import BatchedMigration
from delembic.status import Phase, TransactionState, Undone

_Result = TypeVar("_Result")


@dataclass(slots=True)
class BatchWork:
    """The transactions of a migration in batches.

    Attributes:
        run: The run, whose work database and lock are used.
        revision: The migration's revision.
        migration: The migration.
        source: Cuts the work.
        course: Records the progress.
        worker: Its connection.
        attempt_id: The attempt; no other one's checkpoint is moved on.
        cut: What was cut last, done or not.
    """

    run: Run
    revision: str
    migration: BatchedMigration
    source: Source
    course: Course
    worker: Worker
    attempt_id: str | None
    cut: Cut | None = None
    _is_committing: bool = False
    _is_slow: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether the connection was lost in a commit; only the checkpoint then shows its fate."""
        return self._is_committing and self.course.lost

    def begin(self, checksum: str | None, size: int) -> Checkpoint:
        """Run ``prepare``, and commit it with the first checkpoint.

        Returns:
            The checkpoint that was committed.
        """

        def work(transaction: Transaction) -> Checkpoint:
            self._unbegun(transaction)
            self.course.phase = phase = Phase.PREPARE
            with counting_rows(transaction.conn, self.course, self._tell_slow):
                transaction.call(self.migration.prepare, self.revision, phase)
            # After it, because it may prepare the very rows.
            bound: Any = transaction.call(self.source.bound, self.revision, phase)
            total: Any = transaction.call(self.source.total, self.revision, phase)
            ended = transaction.come_back() == TransactionState.COMMITTED
            checkpoint = Checkpoint(
                self.revision,
                CheckpointState.GOING,
                self.source.identity(),
                bound=bound,
                total=total,
                size=size,
                attempt_id=self.attempt_id,
                checksum=checksum,
            )
            before = self._unbegun(transaction)
            take_checkpoint(transaction.conn, checkpoint, self.run.schema, is_new=before is None)
            return self._commit(transaction, checkpoint, ended)

        return self._in_transaction(work)

    def take_over(self, checksum: str | None) -> Checkpoint:
        """Make the checkpoint of an earlier attempt this attempt's own."""

        def work(transaction: Transaction) -> Checkpoint:
            before = self._locked(transaction, of_anybody=True)
            checkpoint = before.moved(attempt_id=self.attempt_id, checksum=checksum)
            take_checkpoint(transaction.conn, checkpoint, self.run.schema, is_new=False)
            return self._commit(transaction, checkpoint)

        return self._in_transaction(work)

    def advance(self, size: int | None, sizing: Sizing) -> Checkpoint | None:
        """Do the next batch.

        Args:
            size: How many rows it should have; ``None`` for the source's own size.
            sizing: Knows the size of the one after it, and the rate.

        Returns:
            The checkpoint that was committed with it; ``None`` if nothing is left.
        """
        self.cut = None

        def work(transaction: Transaction) -> Checkpoint | None:
            before = self._locked(transaction)
            self._confirm(transaction)
            self.cut = cut = self._cut(transaction, before, size)
            if cut is None:
                self.course.undone = transaction.roll_back(None)
                return None

            def upgrade_batch(conn: Connection) -> None:
                self.migration.upgrade_batch(conn, cut.batch)

            with counting_rows(transaction.conn, self.course, self._tell_slow):
                transaction.call(upgrade_batch, self.revision, self.course.phase)
            ended = transaction.come_back() == TransactionState.COMMITTED
            checkpoint = before.moved(
                cursor=cut.cursor,
                rows=before.rows + cut.rows,
                batches=before.batches + 1,
                size=sizing.size,
                rows_per_second=sizing.rate,
                position=self.source.position(cut.cursor, before.bound),
            )
            save_checkpoint(transaction.conn, checkpoint, self.run.schema)
            return self._commit(transaction, checkpoint, ended)

        return self._in_transaction(work)

    def skip(self, cut: Cut, error: BaseException) -> Checkpoint:
        """Leave out the row that was cut last, and record its error.

        Returns:
            The checkpoint that was committed with the record.
        """
        row = SkippedRow(self.revision, self.attempt_id, cut.place, error_text(error) or "")

        def work(transaction: Transaction) -> Checkpoint:
            before = self._locked(transaction)
            add_skipped(transaction.conn, row, self.run.schema)
            checkpoint = before.moved(
                cursor=cut.cursor,
                rows=before.rows + cut.rows,
                skipped=before.skipped + cut.rows,
            )
            save_checkpoint(transaction.conn, checkpoint, self.run.schema)
            return self._commit(transaction, checkpoint)

        return self._in_transaction(work)

    def finish(self, make_mark: Callable[[], Mark], *, over_failure: bool) -> Mark:
        """Run ``validate``, and commit the mark.

        Args:
            make_mark: Makes the mark of the success, right before it is written.
            over_failure: Whether there is a mark of an earlier failure to overwrite.

        Returns:
            The mark that was committed.
        """
        course = self.course

        def work(transaction: Transaction) -> Mark:
            before = self._locked(transaction)
            course.phase = Phase.VALIDATE
            transaction.call(self.migration.validate, self.revision, course.phase)
            collect(self.migration, None, self.revision, course)
            course.phase = Phase.MARK
            if transaction.come_back() == TransactionState.COMMITTED:
                self.run.emit(TransactionEnded(self.revision))
            self._confirm(transaction)
            mark = make_mark()
            conn, schema = transaction.conn, self.run.schema
            save_checkpoint(conn, before.moved(state=CheckpointState.DONE), schema)
            mark_applied(conn, mark, over_failure=over_failure, schema=schema)
            course.phase = Phase.COMMIT
            transaction.commit()
            return mark

        return self._in_transaction(work)

    def _tell_slow(self, rows: int) -> None:
        if not self._is_slow:
            self._is_slow = True
            self.run.emit(SlowInserts(self.revision, rows))

    def _in_transaction(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Do something in a transaction that ends as it itself chooses."""
        self.course.undone, self.course.lost, self._is_committing = Undone.ALL, False, False
        return perform(self.worker.transaction(), self.course, _nothing_else, work)

    def _cut(self, transaction: Transaction, before: Checkpoint, size: int | None) -> Cut | None:
        self.course.phase = Phase.BATCH
        cut_next = partial(self.source.next, cursor=before.cursor, bound=before.bound, size=size)
        found: Any = transaction.call(cut_next, self.revision, self.course.phase)
        cut: Cut | None = found
        if cut is not None:
            encode(cut.cursor)  # refuse one that cannot be kept before anything is done
        return cut

    def _unbegun(self, transaction: Transaction) -> Checkpoint | None:
        """Return the checkpoint of an earlier time, if there is one.

        Where nothing else keeps runs apart, another one may have begun in the meantime, and may
        even have come to the end.

        Raises:
            TakenOverError: Another run has begun the work.
        """
        found = lock_checkpoint(transaction.conn, self.revision, self.run.schema)
        mark = self.run.mark(self.revision)
        if (found and found.has_begun) or (mark and mark.applied):
            raise TakenOverError(self.revision)
        return found

    def _locked(self, transaction: Transaction, *, of_anybody: bool = False) -> Checkpoint:
        """Return the checkpoint, and keep everybody else from it until the transaction ends.

        Raises:
            TakenOverError: Another attempt goes on with it.
            MigrationPausedError: Somebody has paused the migration.
        """
        found = lock_checkpoint(transaction.conn, self.revision, self.run.schema)
        if found is None or not found.has_begun:
            raise TakenOverError(self.revision)
        if found.attempt_id != self.attempt_id and not of_anybody:
            raise TakenOverError(self.revision)
        if found.is_held:
            raise MigrationPausedError(self.revision, found.progress, held=True)
        return found

    def _confirm(self, transaction: Transaction) -> None:
        if not self.run.lock.confirm(self.revision, transaction.conn):
            raise LockLostError(self.revision)

    def _commit(
        self, transaction: Transaction, checkpoint: Checkpoint, ended: bool = False
    ) -> Checkpoint:
        """Commit, and raise afterwards if the user's code has committed before.

        What it has done is recorded by then, so none of it is done again.
        """
        self._is_committing = True
        transaction.commit()
        self._is_committing = False
        if ended:
            raise CommittedBatchError
        return checkpoint


def _nothing_else(transaction: Transaction) -> None:
    """Stand for the body of `perform`: the ending of a batch needs what its body has found."""
