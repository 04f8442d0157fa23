"""The command that looks for everything that is wrong with a project, as CI does."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from delembic.audit.marks import applied_revisions
from delembic.config import Config
from delembic.database.opening import open_database
from delembic.errors import OtherProjectError
from delembic.execution.strangers import refuse_another_project
from delembic.history.survey import read_survey
from delembic.inspection.drops import dropped_tables
from delembic.inspection.files import Files, read_files
from delembic.inspection.finding import Finding, Rule, finding_from
from delembic.inspection.standings import wrong_standings
from delembic.inspection.steps import refused_files, unknown_dependencies
from delembic.schema.gate import open_schema


def check(
    config: Config, *, offline: bool = False, pending_ok: bool = False
) -> tuple[Finding, ...]:
    """Look for everything that is wrong with a project, and run and write nothing.

    The files of migrations that are not applied are imported, as an upgrade does before it runs
    anything. Alembic's revisions are read, to find out whether one of them drops delembic's tables.

    Example:
        >>> from delembic import Config, commands
        >>> config = Config.find("example_project")
        >>> commands.check(config, pending_ok=True)
        ()

    Args:
        config: The project.
        offline: Open no database. All migrations are then looked at as if none was applied, and
            nothing is said about where they stand.
        pending_ok: Whether migrations may be pending, as before a deployment.

    Returns:
        What is wrong, by file and line; empty if nothing is.

    Raises:
        ConfigurationError: A setting is wrong, or the database or Alembic's files cannot be read.
    """
    config.check()
    files = read_files(config.versions, config.root)
    found = [*files.findings, *_in_the_schema(config)]
    if offline:
        found += _in_what_will_run(config, files, ())
    else:
        found += _in_the_database(config, files, pending_ok=pending_ok)
    return tuple(sorted(found, key=lambda each: (str(each.path), each.line or 0)))


def _in_the_schema(config: Config) -> Iterator[Finding]:
    if schema := open_schema(config):
        yield from dropped_tables(config, schema.files)


def _in_what_will_run(config: Config, files: Files, applied: Collection[str]) -> Iterator[Finding]:
    yield from refused_files(files, applied, config.root)
    yield from unknown_dependencies(files, applied, open_schema(config))


def _in_the_database(config: Config, files: Files, *, pending_ok: bool) -> Iterator[Finding]:
    with open_database(config) as database:
        survey = read_survey(config, database, files.graph)
        try:
            refuse_another_project(database, files.graph, survey.marks)
        except OtherProjectError as error:
            yield finding_from(Rule.OTHER_PROJECT, error, config.path)
            return
    yield from _in_what_will_run(config, files, applied_revisions(survey.marks))
    yield from wrong_standings(files, survey.standings, config.path, pending_ok=pending_ok)
