"""Whether and where a migration in batches begins or goes on, found out before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from delembic.audit.checkpoints import Checkpoint, read_checkpoints
from delembic.audit.cursors import decode, encode
from delembic.batches import source_of
from delembic.batches.source import Source
from delembic.errors import MigrationPausedError, OtherBatchesError
from delembic.execution.run import Run
from delembic.migration import BatchedMigration


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a migration in batches begins or goes on.

    Attributes:
        revision: Its revision.
        migration: The migration.
        source: Cuts the work.
        checkpoint: How far an earlier attempt has come; ``None`` if there is nothing to go on with.
    """

    revision: str
    migration: BatchedMigration
    source: Source
    checkpoint: Checkpoint | None


def find_continuation(run: Run, revision: str, migration: BatchedMigration) -> Continuation:
    """Find out where a migration goes on, and refuse one that cannot.

    Args:
        run: The run. The caller holds the lock of the revision.
        revision: The migration's revision.
        migration: The migration that is to run.

    Raises:
        MigrationPausedError: Somebody has paused it.
        UnfitBatchesError: Its work cannot be cut into batches.
        OtherBatchesError: What cuts it is another one than at the beginning.
    """
    checkpoint = read_checkpoints(run.home).get(revision)
    if checkpoint and checkpoint.is_held:
        raise MigrationPausedError(revision, checkpoint.progress, held=True)
    source = source_of(migration)
    source.check(run.home)
    if checkpoint is None or not checkpoint.has_begun:
        return Continuation(revision, migration, source, None)
    now = decode(encode(source.identity()))
    if checkpoint.source != now:
        raise OtherBatchesError(revision, checkpoint.source, now)
    return Continuation(revision, migration, source, checkpoint)
