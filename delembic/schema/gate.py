"""Checks that the Alembic revisions that a plan needs exist and are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from delembic.config import Config
from delembic.errors import SchemaNotReadyError, UnknownDependencyError
from delembic.revisions.graph import Graph
from delembic.revisions.plan import Plan

if TYPE_CHECKING:
    from delembic.schema.alembic import SchemaRevisions


def open_schema(config: Config) -> SchemaRevisions | None:
    """Return the Alembic project that the settings name, or ``None``.

    Raises:
        ConfigurationError: Alembic's files cannot be read.
        DependencyNotInstalledError: Alembic is not installed.
    """
    if config.alembic_config is None:
        return None
    # Imported when it is needed: Alembic is an extra.
    from delembic.schema.alembic import SchemaRevisions

    return SchemaRevisions(config.alembic_config, config.section, config.root)


def require_schema(config: Config, graph: Graph, plan: Plan, conn: Connection) -> None:
    """Refuse a plan whose Alembic revisions do not exist or are not applied.

    Args:
        config: The project.
        graph: All its revisions.
        plan: The plan to check.
        conn: Open on the work database. It is read once, and only if the plan needs schema
            revisions.

    Raises:
        UnknownDependencyError: A migration depends on something that does not exist.
        SchemaNotReadyError: An Alembic revision is not applied.
        ConfigurationError: Alembic's files cannot be read.
    """
    schema = open_schema(config) if plan.external else None
    for name in plan.external:
        if schema is None or name not in schema.names:
            raise _unknown(graph, plan, name, schema)
    missing = _missing(schema, plan, conn)
    if missing and config.alembic_config:
        raise SchemaNotReadyError(missing, config.alembic_config)


def missing_schema_revisions(
    config: Config, plan: Plan, conn: Connection
) -> dict[str, tuple[str, ...]]:
    """Return the Alembic revisions that a plan needs and the database lacks.

    Each comes with the migrations that need it.

    The database is read once, and only if the plan needs any.

    Raises:
        ConfigurationError: Alembic's files cannot be read.
    """
    return _missing(open_schema(config) if plan.external else None, plan, conn)


def applied_schema_revisions(config: Config, conn: Connection) -> dict[str, str]:
    """Return the Alembic revisions that are applied, with their messages; none without Alembic.

    Raises:
        ConfigurationError: Alembic's files cannot be read.
    """
    schema = open_schema(config)
    return schema.messages_in(conn) if schema else {}


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
