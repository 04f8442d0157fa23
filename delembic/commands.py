"""What a user can do, one function for each action: arguments in, a value out.

Nothing here prints or exits. The command line and the Dagster adapter are callers like any other:

Example:
    >>> from delembic import Config, commands
    >>> config = Config.find("example_project")
    >>> [entry.revision for entry in commands.history(config)][:2]
    ['D001', 'D002']
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from delembic.audit.attempts import Attempt, read_attempts, read_latest, read_on
from delembic.audit.bookmark import NEWEST_IN_FULL, Bookmark
from delembic.audit.marks import Mark, applied_revisions, read_marks
from delembic.audit.program import Program
from delembic.audit.record import RevisionRecord, make_record
from delembic.audit.standing import Standing, applied_heads, standings
from delembic.audit.status import Operation, Status
from delembic.config import Config
from delembic.database.connections import Database, connect, open_database
from delembic.errors import DatabaseUnavailableError, UnknownRevisionError
from delembic.events import Listener, Outcome, Verification, ignore
from delembic.execution.preflight import missing_schema_revisions, open_schema
from delembic.execution.session import Session, open_session
from delembic.execution.verification import open_verifier, prepare
from delembic.revisions.graph import Graph, read_folder
from delembic.revisions.plan import make_plan
from delembic.scaffold import next_revision, write_project, write_revision

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "NewRevision",
    "Session",
    "apply",
    "current",
    "dialect_name",
    "history",
    "init",
    "open_session",
    "read_graph",
    "revision",
    "runs",
    "runs_since",
    "show",
    "upgrade",
    "verify",
    "verify_each",
]

_SHOWN_VERIFICATIONS = 10
"""One that is scheduled every hour would bury the attempts."""


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A migration file that was written.

    Attributes:
        revision: Its id.
        path: The file.
        depends_on: What was written into it.
        schema_heads: The Alembic revisions among these.
        warning: Why Alembic's heads could not be found out, if they could not.
    """

    revision: str
    path: Path
    depends_on: tuple[str, ...]
    schema_heads: tuple[str, ...]
    warning: str | None


def init(root: Path, script_location: str = "delembic") -> list[Path]:
    """Begin a project in ``root`` and return the files written.

    Raises:
        FileExistsAlreadyError: One of them is there already; none was written.
    """
    return write_project(root, script_location)


def revision(config: Config, message: str, depends_on: Collection[str] = ()) -> NewRevision:
    """Write a new migration file.

    With ``alembic_config`` set, the database's current Alembic heads become dependencies. If the
    database cannot be reached, that is told in the result and the file is written without them.

    Args:
        config: The project.
        message: Becomes the description, and the file's and the class's name.
        depends_on: Revisions of delembic that the new one waits for; ``head`` for the heads.

    Raises:
        UnknownRevisionError: One of ``depends_on`` does not exist.
        DefinitionError: The existing files cannot be read.
    """
    graph = read_graph(config)
    wanted = frozenset[str]().union(*(graph.resolve(name) for name in depends_on))
    heads, warning = _schema_heads(config)
    names = (*(id_ for id_ in graph if id_ in wanted), *heads)
    new = next_revision(graph)
    path = write_revision(config.versions, new, message, names)
    return NewRevision(new, path, names, heads, warning)


def read_graph(config: Config) -> Graph:
    """Return the project's revisions in execution order, without touching a database.

    Raises:
        DefinitionError: A file, or what the files say together, is wrong.
    """
    return read_folder(config.versions, config.root)


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


def current(config: Config) -> list[Standing]:
    """Return the applied revisions that no other applied one depends on, in execution order.

    Raises:
        DelembicError: As `history` does.
    """
    return applied_heads(*_read_standings(config))


def history(config: Config) -> list[Standing]:
    """Return every revision in execution order with its state, and write nothing.

    Applied revisions whose files are gone come first.

    Raises:
        DefinitionError: Something is wrong with the files.
        ConfigurationError: The database or Alembic's files cannot be read.
    """
    return _read_standings(config)[1]


def runs(
    config: Config,
    revision: str | None = None,
    *,
    failed: bool = False,
    operation: str | None = None,
    limit: int | None = 20,
) -> list[Attempt]:
    """Return the audit log, newest first, and write nothing.

    The migration files are not needed for it, and not read unless ``revision`` has no attempt.

    Args:
        config: The project.
        revision: Only the attempts at this one.
        failed: Only those that failed.
        operation: Only attempts to apply a revision (``upgrade``), or only verifications
            (``verify``); both if ``None``.
        limit: How many at most, from 1; ``None`` for all.

    Raises:
        UnknownRevisionError: There is no such revision, neither as a file nor on record.
        ConfigurationError: The database cannot be read.
        ValueError: There is no such operation.
    """
    wanted = operation if operation is None else Operation(operation)
    status = Status.FAILED if failed else None
    with open_database(config) as database:
        with connect(database.metadata) as conn:
            attempts = read_attempts(conn, revision, status, limit, wanted)
        if revision is not None and not attempts:
            _refuse_unknown(config, database, revision)
        return attempts


def runs_since(
    config: Config, bookmark: Bookmark | None = None, *, limit: int = 100
) -> tuple[list[Attempt], Bookmark]:
    """Read on in the audit log, oldest first, and write nothing.

    For whoever follows the log: call it again with the bookmark that it returned. Each attempt is
    given when it is new, and once more when it has ended or was settled. The first reading leaves
    out what no longer counts: of what is older than the newest hundred attempts it gives the last
    success and the last attempt of each revision.

    Args:
        config: The project.
        bookmark: Where to read on; ``None`` is the beginning.
        limit: How many attempts at most, from 1, beside those that were asked for again.

    Returns:
        The attempts, and the bookmark behind them.

    Raises:
        ConfigurationError: The database cannot be read.

    Example:
        >>> from delembic import Config
        >>> attempts, bookmark = runs_since(Config.find("example_project"))
        >>> more, bookmark = runs_since(Config.find("example_project"), bookmark)
        >>> more
        []
    """
    place = bookmark or Bookmark()
    with open_database(config) as database, connect(database.metadata) as conn:
        rows, whole = _read_on(conn, place, limit)
        if not place.leads_into(rows):  # the log was made anew, or restored from a backup
            place = Bookmark()
            rows, whole = _read_on(conn, place, limit)
    return place.news_in(rows), place.after(rows, complete=whole)


def show(config: Config, revision: str) -> RevisionRecord:
    """Return one revision with all its attempts and its last verifications, and write nothing.

    One whose file is gone can be shown as long as it is on record.

    Raises:
        UnknownRevisionError: There is no such revision, neither as a file nor on record.
        DelembicError: As `history` does.
    """
    graph = read_graph(config)
    with open_database(config) as database:
        marks, entries = _read_states(config, database, graph)
        with connect(database.metadata) as conn:
            attempts = read_attempts(conn, revision, operation=Operation.UPGRADE)[::-1]
            verifications = read_attempts(
                conn, revision, limit=_SHOWN_VERIFICATIONS, operation=Operation.VERIFY
            )[::-1]
        if revision not in graph and revision not in marks and not attempts:
            raise UnknownRevisionError(revision, [*graph, *marks])
        record = make_record(entries, graph, marks.get(revision), attempts, revision)
        return replace(record, verifications=tuple(verifications))


def dialect_name(config: Config) -> str:
    """Return SQLAlchemy's name for the kind of database, such as ``postgresql``.

    No connection is made.

    Raises:
        ConfigurationError: There is no usable URL, driver or ``get_engine``.
    """
    with open_database(config) as database:
        return database.work.dialect.name


def _read_on(conn: Connection, place: Bookmark, limit: int) -> tuple[list[Attempt], bool]:
    """Return the rows, and whether there were no more of them."""
    most = limit + len(place.again) + 1  # the row at the bookmark comes along
    rows = read_on(conn, place, NEWEST_IN_FULL, most)
    return rows, len(rows) < most


def _read_standings(config: Config) -> tuple[Graph, list[Standing]]:
    graph = read_graph(config)
    with open_database(config) as database:
        return graph, _read_states(config, database, graph)[1]


def _read_states(
    config: Config, database: Database, graph: Graph
) -> tuple[dict[str, Mark], list[Standing]]:
    with connect(database.work) as conn:
        marks = read_marks(conn)
        plan = make_plan(graph, applied_revisions(marks))
        missing = missing_schema_revisions(config, plan, conn)
    with connect(database.metadata) as conn:
        return marks, standings(graph, marks, read_latest(conn), missing)


def _refuse_unknown(config: Config, database: Database, revision: str) -> None:
    with connect(database.work) as conn:
        known = [*read_graph(config), *read_marks(conn)]
    with connect(database.metadata) as conn:
        if revision not in known and not read_attempts(conn, revision, limit=1):
            raise UnknownRevisionError(revision, known)


def _schema_heads(config: Config) -> tuple[tuple[str, ...], str | None]:
    """Return the database's Alembic heads, or why they cannot be told."""
    schema = open_schema(config)
    if schema is None:
        return (), None
    try:
        with open_database(config) as database, connect(database.work) as conn:
            return schema.heads_in(conn), None
    except DatabaseUnavailableError as error:
        return (), error.message
