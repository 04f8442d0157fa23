"""Everything that can be found wrong with a plan is found here, before any of it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from delembic.config import Config
from delembic.errors import SchemaNotReadyError, UnknownDependencyError
from delembic.migration import DataMigration
from delembic.revisions.graph import Graph
from delembic.revisions.plan import Plan
from delembic.revisions.source import load

if TYPE_CHECKING:
    from delembic.schema_revisions import SchemaRevisions

Migrations = dict[str, DataMigration]
"""An instance of each migration that is to run, by revision."""


def preflight(config: Config, graph: Graph, plan: Plan, conn: Connection) -> Migrations:
    """Import what will run, and check the settings and the schema revisions that it needs.

    Args:
        config: The project.
        graph: All its revisions.
        plan: What is to run.
        conn: Open on the database; read from, once, if the plan needs schema revisions.

    Returns:
        An instance of each step's class, by revision.

    Raises:
        SettingError: A setting means nothing.
        DefinitionError: A file cannot be imported, or names a dependency that does not exist.
        SchemaNotReadyError: An Alembic revision is not applied.
    """
    config.check()
    schema = open_schema(config) if plan.external else None
    for name in plan.external:
        if schema is None or name not in schema.names:
            raise _unknown(graph, plan, name, schema)
    missing = _missing(schema, plan, conn)
    if missing and config.alembic_config:
        raise SchemaNotReadyError(missing, config.alembic_config)
    return {step.id: load(step, config.root) for step in plan.steps}


def missing_schema_revisions(
    config: Config, plan: Plan, conn: Connection
) -> dict[str, tuple[str, ...]]:
    """Return the Alembic revisions that a plan needs and the database lacks, with their users.

    The database is read once, and only if the plan needs any.

    Raises:
        ConfigurationError: Alembic's files cannot be read.
    """
    return _missing(open_schema(config) if plan.external else None, plan, conn)


def open_schema(config: Config) -> SchemaRevisions | None:
    """Return the Alembic project that the settings name, if they do.

    Raises:
        ConfigurationError: Alembic's files cannot be read.
        DependencyNotInstalledError: Alembic is not installed.
    """
    if config.alembic_config is None:
        return None
    # Imported when it is needed: Alembic is an extra.
    from delembic.schema_revisions import SchemaRevisions

    return SchemaRevisions(config.alembic_config, config.section)


def _missing(
    schema: SchemaRevisions | None, plan: Plan, conn: Connection
) -> dict[str, tuple[str, ...]]:
    if schema is None:
        return dict(plan.external)
    applied = schema.applied_in(conn)
    return {name: users for name, users in plan.external.items() if name not in applied}


def _unknown(
    graph: Graph, plan: Plan, name: str, schema: SchemaRevisions | None
) -> UnknownDependencyError:
    user = graph[plan.external[name][0]]
    known = [*graph, *(schema.names if schema else ())]
    return UnknownDependencyError(name, user.id, user.path, known, alembic=schema is not None)
