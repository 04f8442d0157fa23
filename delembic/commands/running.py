"""Commands that run migrations: they apply pending ones and verify applied ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from delembic.audit.marks import read_marks
from delembic.audit.program import Program
from delembic.commands.projects import read_graph
from delembic.config import Config
from delembic.database.opening import open_database
from delembic.database.places import reading
from delembic.events import Listener, Outcome, Verification, ignore
from delembic.execution.session import open_session
from delembic.execution.subjects import prepare
from delembic.execution.verification import open_verifier
from delembic.revisions.graph import Graph


def upgrade(
    config: Config,
    target: str = "head",
    *,
    on_event: Listener = ignore,
    lock_timeout_seconds: float | None = None,
    stop_after_seconds: float | None = None,
    program: Program | None = None,
) -> tuple[Outcome, ...]:
    """Run the pending migrations up to a target, in order, and stop at the first failure.

    Everything is checked first: files, dependencies, schema revisions. Each migration then runs on
    its own connection and is committed separately. Its log entry is written on another
    connection.

    Args:
        config: The project.
        target: ``head`` for everything, or a revision, which is run with its dependencies.
        on_event: Gets every event as it happens (see `delembic.events`).
        lock_timeout_seconds: How long to wait for another run; the configured time if ``None``.
        stop_after_seconds: When to stop, between two migrations or between two batches of one;
            never if ``None``.
        program: Who is named in the log entries; this process if ``None``.

    Returns:
        How each pending revision ended; empty when there was nothing to do.

    Raises:
        DefinitionError: A migration file is wrong. Nothing was run.
        ConfigurationError: A setting is wrong. Nothing was run.
        SchemaNotReadyError: Alembic revisions are missing. Nothing was run.
        MigrationFailedError: A migration failed; those before it stay applied.
        MigrationPausedError: A migration in batches has stopped before its end, because the time
            was up or somebody has paused it. What is done stays done, and the next upgrade goes on.
        TimeIsUpError: The time was up before all of them had their turn.
        MigrationBlockedError: A migration's dependency was not applied when its turn came.
        LockTimeoutError: Another run held the lock for too long.
    """
    graph = read_graph(config)
    with open_session(config, program, lock_timeout_seconds) as session:
        return session.upgrade(graph, target, on_event, stop_after_seconds=stop_after_seconds)


def apply(
    config: Config,
    revision: str,
    *,
    graph: Graph | None = None,
    on_event: Listener = ignore,
    lock_timeout_seconds: float | None = None,
    program: Program | None = None,
) -> Outcome:
    """Run one revision and nothing else, for an orchestrator that determines the order itself.

    Args:
        config: The project.
        revision: The revision to run.
        graph: The project's revisions, if the caller has already read them.
        on_event: Gets every event as it happens.
        lock_timeout_seconds: How long to wait for another run; the configured time if ``None``.
        program: Who is named in the log entry; this process if ``None``.

    Returns:
        `Finished`, or `Skipped` if it was already applied.

    Raises:
        DelembicError: As `upgrade` does; `MigrationBlockedError` if a dependency is not applied.
    """
    graph = read_graph(config) if graph is None else graph
    with open_session(config, program, lock_timeout_seconds) as session:
        return session.apply(graph, revision, on_event)


def settle(
    config: Config,
    revisions: Collection[str],
    *,
    on_event: Listener = ignore,
    program: Program | None = None,
) -> frozenset[str]:
    """Record what became of attempts whose process died, and run nothing.

    Every upgrade does so by itself. Call this to learn which revisions cannot be run now.

    Args:
        config: The project.
        revisions: The revisions whose unfinished attempts are to be settled.
        on_event: Gets an event for each log entry that was settled.
        program: Who settles them; this process if ``None``.

    Returns:
        Those of the revisions that a living run holds. Nothing was settled for them.

    Raises:
        ConfigurationError: The database cannot be read.

    Example:
        >>> from delembic import Config, commands
        >>> config = Config.find("example_project")
        >>> sorted(commands.settle(config, ["D001"]))
        []
    """
    with open_session(config, program, lock_timeout_seconds=0) as session:
        return session.settle(revisions, on_event)


def verify(
    config: Config,
    revisions: Collection[str] = (),
    *,
    graph: Graph | None = None,
    on_event: Listener = ignore,
    program: Program | None = None,
) -> tuple[Verification, ...]:
    """Run the ``validate`` of applied migrations again, on the current data.

    Each ``validate`` is taken from the current file. It runs on its own connection, in a
    transaction that sees one state of the data and is rolled back. If a migration does not pass,
    the others are still verified, and all of them stay applied. Each verification adds an entry to
    the audit log.

    Example:
        >>> from delembic import Config, commands
        >>> config = Config.find("example_project")
        >>> [found for found in commands.verify(config) if not found.passed]
        []

    Args:
        config: The project.
        revisions: The revisions to verify; if empty, all that are applied and have a ``validate``.
        graph: The project's revisions, if the caller has already read them.
        on_event: Gets every event as it happens.
        program: Who is named in the log entries; this process if ``None``.

    Returns:
        The results, in execution order.

    Raises:
        DefinitionError: A migration file is wrong, or a revision does not exist. Nothing was
            run.
        NotVerifiableError: A revision is not applied, has no ``validate``, or its file is gone.
            Nothing was run.
        ConfigurationError: The database cannot be read.
        VerificationCutOffError: The database was lost during a verification.
    """
    return tuple(verify_each(config, revisions, graph=graph, on_event=on_event, program=program))


def verify_each(
    config: Config,
    revisions: Collection[str] = (),
    *,
    graph: Graph | None = None,
    on_event: Listener = ignore,
    program: Program | None = None,
) -> Iterator[Verification]:
    """Do what `verify` does, but yield each result as soon as it is known.

    Nothing is run before the first result is requested. If the caller stops early, the remaining
    migrations are not verified.

    Raises:
        DelembicError: As `verify` does.
    """
    graph = read_graph(config) if graph is None else graph
    with open_database(config) as database:
        with reading(database.work) as conn:
            marks = read_marks(conn)
        if subjects := prepare(config, graph, marks, revisions):
            with open_verifier(database, program or Program(), on_event) as verifier:
                yield from verifier.verify_all(subjects)
