"""The state of a project and its audit log, read. Nothing here writes."""

from __future__ import annotations

from delembic.audit.entries import LogEntry
from delembic.audit.marks import read_marks
from delembic.commands.projects import read_graph
from delembic.config import Config
from delembic.database.connections import connect
from delembic.database.opening import Database, open_database
from delembic.errors import UnknownRevisionError
from delembic.history.bookmark import Bookmark
from delembic.history.following import follow
from delembic.history.log import read_entries
from delembic.history.record import RevisionRecord, read_record
from delembic.history.standing import Standing, applied_heads
from delembic.history.survey import Survey, read_survey
from delembic.status import Operation, Status


def current(config: Config) -> list[Standing]:
    """Return the applied revisions that no other applied one depends on, in execution order.

    Raises:
        DelembicError: As `history` does.
    """
    survey = _survey(config)
    return applied_heads(survey.graph, survey.standings)


def history(config: Config) -> list[Standing]:
    """Return every revision in execution order with its state, and write nothing.

    Applied revisions whose files are gone come first.

    Raises:
        DefinitionError: Something is wrong with the files.
        ConfigurationError: The database or Alembic's files cannot be read.
    """
    return [*_survey(config).standings]


def runs(
    config: Config,
    revision: str | None = None,
    *,
    failed: bool = False,
    operation: str | None = None,
    limit: int | None = 20,
) -> list[LogEntry]:
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
            entries = read_entries(conn, revision, status, limit, wanted)
        if revision is not None and not entries:
            _refuse_unknown(config, database, revision)
        return entries


def runs_since(
    config: Config, bookmark: Bookmark | None = None, *, limit: int = 100
) -> tuple[list[LogEntry], Bookmark]:
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
    with open_database(config) as database, connect(database.metadata) as conn:
        return follow(conn, bookmark or Bookmark(), limit)


def show(config: Config, revision: str) -> RevisionRecord:
    """Return one revision with all its attempts and its last verifications, and write nothing.

    One whose file is gone can be shown as long as it is on record.

    Raises:
        UnknownRevisionError: There is no such revision, neither as a file nor on record.
        DelembicError: As `history` does.
    """
    graph = read_graph(config)
    with open_database(config) as database:
        return read_record(database, read_survey(config, database, graph), revision)


def _survey(config: Config) -> Survey:
    graph = read_graph(config)
    with open_database(config) as database:
        return read_survey(config, database, graph)


def _refuse_unknown(config: Config, database: Database, revision: str) -> None:
    with connect(database.work) as conn:
        known = [*read_graph(config), *read_marks(conn)]
    with connect(database.metadata) as conn:
        if revision not in known and not read_entries(conn, revision, limit=1):
            raise UnknownRevisionError(revision, known)
