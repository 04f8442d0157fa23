"""Migrations run: pending ones applied, applied ones verified."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from delembic.audit.marks import read_marks
from delembic.audit.program import Program
from delembic.commands.projects import read_graph
from delembic.config import Config
from delembic.database.connections import connect
from delembic.database.opening import open_database
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
    program: Program | None = None,
) -> tuple[Outcome, ...]:
    """Run what is pending up to a target, in order, until one does not succeed.

    Everything is checked first: files, dependencies, schema revisions. Each migration then runs on
    a connection of its own and is committed by itself, with its audit row on another connection.

    Args:
        config: The project.
        target: ``head`` for everything, or a revision, which brings only what it depends on.
        on_event: Gets every event as it happens (see `delembic.events`).
        lock_timeout_seconds: How long to wait for another runner; the configured time if ``None``.
        program: Who stands in the audit rows; this process if ``None``.

    Returns:
        How each pending revision ended; empty when there was nothing to do.

    Raises:
        DefinitionError: Something is wrong with the files. Nothing was run.
        ConfigurationError: Something is wrong with the settings. Nothing was run.
        SchemaNotReadyError: Alembic revisions are missing. Nothing was run.
        MigrationFailedError: One failed; those before it are applied.
        MigrationBlockedError: A dependency was not applied when its turn came.
        LockTimeoutError: Another runner was at it for too long.
    """
    graph = read_graph(config)
    with open_session(config, program, lock_timeout_seconds) as session:
        return session.upgrade(graph, target, on_event)


def apply(
    config: Config,
    revision: str,
    *,
    graph: Graph | None = None,
    on_event: Listener = ignore,
    lock_timeout_seconds: float | None = None,
    program: Program | None = None,
) -> Outcome:
    """Run one revision and nothing else, for an orchestrator that sees to the order itself.

    Args:
        config: The project.
        revision: Which one.
        graph: The project's revisions if the caller has them already.
        on_event: Gets every event as it happens.
        lock_timeout_seconds: How long to wait for another runner; the configured time if ``None``.
        program: Who stands in the audit row; this process if ``None``.

    Returns:
        `Finished`, or `Skipped` if it had been applied before.

    Raises:
        DelembicError: As `upgrade` does; `MigrationBlockedError` if a dependency is not applied.
    """
    graph = read_graph(config) if graph is None else graph
    with open_session(config, program, lock_timeout_seconds) as session:
        return session.apply(graph, revision, on_event)


def verify(
    config: Config,
    revisions: Collection[str] = (),
    *,
    graph: Graph | None = None,
    on_event: Listener = ignore,
    program: Program | None = None,
) -> tuple[Verification, ...]:
    """Run the ``validate`` of applied migrations again, on the data as it is now.

    Each runs as its file has it now, on a connection of its own, in a transaction that sees one
    state of the data and is rolled back. One that does not pass does not stop the others, and
    stays applied like them. Each leaves a row in the audit log.

    Example:
        >>> from delembic import Config, commands
        >>> config = Config.find("example_project")
        >>> [found for found in commands.verify(config) if not found.passed]
        []

    Args:
        config: The project.
        revisions: Which ones; if there is none, all that are applied and have a ``validate``.
        graph: The project's revisions if the caller has them already.
        on_event: Gets every event as it happens.
        program: Who stands in the audit rows; this process if ``None``.

    Returns:
        What was found, in execution order.

    Raises:
        DefinitionError: Something is wrong with the files, or there is no such revision. Nothing
            was run.
        NotVerifiableError: A revision is not applied, has no ``validate``, or its file is gone.
            Nothing was run.
        ConfigurationError: The database cannot be read.
        VerificationCutOffError: The database was lost meanwhile.
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
    """Do what `verify` does, and yield what was found as each one ends.

    Nothing happens before the first is asked for, and the rest is left out if nobody asks for it.

    Raises:
        DelembicError: As `verify` does.
    """
    graph = read_graph(config) if graph is None else graph
    with open_database(config) as database:
        with connect(database.work) as conn:
            marks = read_marks(conn)
        if subjects := prepare(config, graph, marks, revisions):
            with open_verifier(database, program or Program(), on_event) as verifier:
                yield from verifier.verify_all(subjects)
