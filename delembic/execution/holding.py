"""Pauses, resumes and restarts migrations in batches, from any machine.

The checkpoint says whether a run may go on. A run looks at it in each batch, in the transaction of
that batch. So a pause takes effect between two batches, and nothing is lost.
"""

from __future__ import annotations

from delembic.audit.checkpoint_table import checkpoint_table_of
from delembic.audit.checkpoints import (
    Checkpoint,
    CheckpointState,
    read_checkpoint,
    set_state,
)
from delembic.audit.stopwatch import Stopwatch
from delembic.audit.tables import ensure
from delembic.errors import NotBatchedError
from delembic.execution.run import Run
from delembic.revisions.source import Revision
from delembic.status import Operation, Status


def pause(run: Run, revision: Revision) -> Checkpoint:
    """Let no run go on with a migration in batches; one that runs stops after its batch.

    Returns:
        How far it has come. A pause that is there already is no error.

    Raises:
        NotBatchedError: It has not begun, or is applied.
    """
    checkpoint = _begun(run, revision, "pause")
    if checkpoint.is_held:
        return checkpoint
    _switch(run, revision, CheckpointState.GOING, CheckpointState.HELD, Operation.PAUSE)
    return _begun(run, revision, "pause")  # the batch that was waited for counts too


def resume(run: Run, revision: Revision) -> Checkpoint:
    """Let the next run go on with a migration that was paused.

    Returns:
        How far it has come.

    Raises:
        NotBatchedError: It has not begun, is applied, or is not paused.
    """
    checkpoint = _begun(run, revision, "resume")
    if not checkpoint.is_held:
        raise NotBatchedError(
            revision.id, "is not paused", "To go on with it, run: delembic upgrade."
        )
    _switch(run, revision, CheckpointState.HELD, CheckpointState.GOING, Operation.RESUME)
    return _begun(run, revision, "resume")


def restart(run: Run, revision: Revision) -> Checkpoint:
    """Forget how far a migration in batches has come, so that the next run begins anew.

    What its batches have done stays in the data, and is done again.

    Returns:
        How far it had come.

    Raises:
        NotBatchedError: It has not begun, or is applied.
        LockTimeoutError: A run is at it.
    """
    with run.holding(revision.id):
        checkpoint = _begun(run, revision, "restart")
        state = CheckpointState(checkpoint.state)
        _switch(run, revision, state, CheckpointState.FORGOTTEN, Operation.RESTART)
    return checkpoint


def _switch(
    run: Run,
    revision: Revision,
    before: CheckpointState,
    after: CheckpointState,
    operation: Operation,
) -> None:
    """Change the state, and record who has done so; nothing if another one was faster."""
    stopwatch = Stopwatch()
    if set_state(run.home, revision.id, after, before):
        run.ledger.noted(operation, revision, Status.SUCCESS, stopwatch)


def _begun(run: Run, revision: Revision, verb: str) -> Checkpoint:
    ensure(run.home, checkpoint_table_of(run.home))
    checkpoint = read_checkpoint(run.home, revision.id)
    if checkpoint is None or checkpoint.state == CheckpointState.FORGOTTEN:
        raise NotBatchedError(
            revision.id,
            f"has not begun, so there is nothing to {verb}",
            "Run: delembic upgrade",
        )
    if checkpoint.state == CheckpointState.DONE:
        raise NotBatchedError(
            revision.id,
            f"is applied, so there is nothing to {verb}",
            "To do its work once more, write a new migration.",
        )
    return checkpoint
