"""Commands about migrations in batches: how far they have come, and whether they may go on."""

from __future__ import annotations

from collections.abc import Callable

from delembic.audit.checkpoints import Checkpoint, read_checkpoints
from delembic.audit.program import Program
from delembic.commands.projects import read_graph
from delembic.config import Config
from delembic.database.opening import open_database
from delembic.database.places import reading
from delembic.events import Progress, ignore
from delembic.execution import holding
from delembic.execution.run import Run, open_run
from delembic.revisions.source import Revision


def progress(config: Config, revision: str | None = None) -> tuple[Progress, ...]:
    """Return how far migrations in batches have come, from anywhere. Writes nothing.

    Args:
        config: The project.
        revision: The only one that is wanted; all that have begun and are not applied, if ``None``.

    Returns:
        One for each; an empty tuple if none has begun.

    Raises:
        UnknownRevisionError: There is no such revision.
        ConfigurationError: The database cannot be read.
    """
    if revision is not None:
        read_graph(config).require(revision)
    with open_database(config) as database, reading(database.work) as conn:
        found = read_checkpoints(conn)
    return tuple(
        checkpoint.progress
        for checkpoint in found.values()
        if (checkpoint.has_begun if revision is None else checkpoint.revision == revision)
    )


def pause(config: Config, revision: str, *, program: Program | None = None) -> Progress:
    """Pause a migration in batches: its run stops after the batch, and no other one goes on.

    Args:
        config: The project.
        revision: The revision to pause.
        program: Who is named in the log entry; this process if ``None``.

    Returns:
        How far it has come.

    Raises:
        UnknownRevisionError: There is no such revision.
        NotBatchedError: It has not begun, or is applied.
    """
    return _change(config, revision, holding.pause, program)


def resume(config: Config, revision: str, *, program: Program | None = None) -> Progress:
    """Let the next upgrade go on with a migration that was paused. Nothing is run.

    The arguments, the result and the errors are those of `pause`.
    """
    return _change(config, revision, holding.resume, program)


def restart(config: Config, revision: str, *, program: Program | None = None) -> Progress:
    """Forget how far a migration in batches has come, so that the next upgrade begins anew.

    What its batches have done stays in the data, and the next upgrade does it again.

    Args:
        config: The project.
        revision: The revision to restart.
        program: Who is named in the log entry; this process if ``None``.

    Returns:
        How far it had come.

    Raises:
        UnknownRevisionError: There is no such revision.
        NotBatchedError: It has not begun, or is applied.
        LockTimeoutError: A run is at it.
    """
    return _change(config, revision, holding.restart, program, lock_timeout_seconds=0)


def _change(
    config: Config,
    revision: str,
    change: Callable[[Run, Revision], Checkpoint],
    program: Program | None,
    lock_timeout_seconds: float | None = None,
) -> Progress:
    graph = read_graph(config)
    source = graph.require(revision)
    with (
        open_database(config) as database,
        open_run(database, config, program or Program(), ignore, lock_timeout_seconds) as run,
    ):
        return change(run, source).progress
