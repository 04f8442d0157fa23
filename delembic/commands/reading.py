"""Commands that read the state and the audit log of a project. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable

from delembic.audit.entries import LogEntry
from delembic.audit.marks import read_marks
from delembic.commands.projects import read_graph
from delembic.config import Config
from delembic.database.opening import Database, open_database
from delembic.database.places import reading
from delembic.errors import UnknownRevisionError
from delembic.history.bookmark import Bookmark
from delembic.history.following import follow
from delembic.history.log import open_log, read_entries
from delembic.history.record import RevisionRecord, read_record
from delembic.history.standing import Standing, applied_heads
from delembic.history.survey import Survey, read_survey
from delembic.schema.gate import applied_schema_revisions
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
        DefinitionError: A migration file is wrong.
        ConfigurationError: The database or Alembic's files cannot be read.
    """
    return [*_survey(config).standings]


def runs(
    config: Config,
    *revisions: str,
    failed: bool = False,
    operation: str | None = None,
    limit: int | None = 20,
) -> list[LogEntry]:
    """Return the audit log, newest first, and write nothing.

    The migration files are read only if one of ``revisions`` has no entry.

    Args:
        config: The project.
        *revisions: Return only the entries of these revisions; of all if none is named.
        failed: Return only the entries that failed.
        operation: Return only attempts to apply a revision (``upgrade``), only verifications
            (``verify``), or only acceptances of files (``accept``); ``None`` returns all.
        limit: The maximum number of entries, from 1; ``None`` for all.

    Raises:
        UnknownRevisionError: A revision has neither a file nor a record.
        ConfigurationError: The database cannot be read.
        ValueError: There is no such operation.
    """
    wanted = operation if operation is None else Operation(operation)
    status = Status.FAILED if failed else None
    with open_database(config) as database:
        with open_log(database) as (conn, share):
            entries = read_entries(conn, share, revisions, status, limit, wanted)
        if silent := set(revisions) - {entry.revision for entry in entries}:
            _refuse_unknown(config, database, sorted(silent))
        return entries


def runs_since(
    config: Config, bookmark: Bookmark | None = None, *, limit: int = 100
) -> tuple[list[LogEntry], Bookmark]:
    """Read on in the audit log, oldest first, and write nothing.

    To follow the log, call this again with the bookmark that it returned. Each attempt is returned
    when it is new, and again when it has ended or was settled. So is each acceptance of a file,
    with the operation ``accept``; verifications are left out. The first reading skips attempts
    that no longer matter: of those older than the newest hundred, it returns only the last success
    and the last attempt of each revision.

    Args:
        config: The project.
        bookmark: Where to read on; ``None`` starts at the beginning.
        limit: The maximum number of attempts, from 1, in addition to those requested again.

    Returns:
        The attempts, and the bookmark that follows them.

    Raises:
        ConfigurationError: The database cannot be read.

    Example:
        >>> from delembic import Config
        >>> attempts, bookmark = runs_since(Config.find("example_project"))
        >>> more, bookmark = runs_since(Config.find("example_project"), bookmark)
        >>> more
        []
    """
    with open_database(config) as database, open_log(database) as (conn, share):
        return follow(conn, share, bookmark or Bookmark(), limit)


def show(config: Config, revision: str) -> RevisionRecord:
    """Return one revision with all its attempts and its last verifications, and write nothing.

    A revision whose file is gone can be shown as long as it is recorded.

    Raises:
        UnknownRevisionError: The revision has neither a file nor a record.
        DelembicError: As `history` does.
    """
    graph = read_graph(config)
    with open_database(config) as database:
        return read_record(database, read_survey(config, database, graph), revision)


def applied_schema(config: Config) -> dict[str, str]:
    """Return the Alembic revisions that are applied, with Alembic's messages, and write nothing.

    There are none if ``alembic_config`` is not set; the database is not opened then.

    Raises:
        ConfigurationError: The database or Alembic's files cannot be read.
    """
    if config.alembic_config is None:
        return {}
    with open_database(config) as database, reading(database.work) as conn:
        return applied_schema_revisions(config, conn)


def _survey(config: Config) -> Survey:
    graph = read_graph(config)
    with open_database(config) as database:
        return read_survey(config, database, graph)


def _refuse_unknown(config: Config, database: Database, revisions: Iterable[str]) -> None:
    with reading(database.work) as conn:
        known = [*read_graph(config), *read_marks(conn)]
    with open_log(database) as (conn, share):
        for revision in revisions:
            if revision not in known and not read_entries(conn, share, [revision], limit=1):
                raise UnknownRevisionError(revision, known)
