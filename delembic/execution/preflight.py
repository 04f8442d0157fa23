"""Checks everything about a plan that can be checked before it runs."""

from __future__ import annotations

from sqlalchemy import Connection

from delembic.config import Config
from delembic.migration import DataMigration
from delembic.revisions.graph import Graph
from delembic.revisions.plan import Plan
from delembic.revisions.source import load_to_apply
from delembic.schema.gate import require_schema

Migrations = dict[str, DataMigration]
"""An instance of each migration that is to run, by revision."""


def preflight(config: Config, graph: Graph, plan: Plan, conn: Connection) -> Migrations:
    """Check the settings and the schema that a plan needs, and import the files to run.

    Args:
        config: The project.
        graph: All its revisions.
        plan: The plan to check.
        conn: Open on the work database. It is read once, and only if the plan needs schema
            revisions.

    Returns:
        An instance of each step's class, by revision.

    Raises:
        SettingError: A setting is invalid.
        DefinitionError: A file cannot be imported, or names a dependency that does not exist.
        SchemaNotReadyError: An Alembic revision is not applied.
    """
    config.check()
    require_schema(config, graph, plan, conn)
    return {step.id: load_to_apply(step, config.root) for step in plan.steps}
