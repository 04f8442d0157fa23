"""Alembic's revisions as external assets that migrations wait for."""

from __future__ import annotations

from collections.abc import Iterable

from dagster import AssetKey, AssetSpec

from delembic import Graph
from delembic_dagster.naming import key_part
from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.selection import Selection, select_revisions

SCHEMA_REVISION = "delembic/schema_revision"


def build_delembic_schema_asset_specs(
    project: DelembicProject, *, select: Selection | None = None
) -> list[AssetSpec]:
    """Return an external asset for each Alembic revision that a migration names in ``depends_on``.

    They are upstream of these migrations. Neither the database nor Alembic is consulted: these are
    the names that are not migrations. A run reports a name that Alembic does not know.

    Args:
        project: The project.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.

    Raises:
        DefinitionError: Something is wrong with the files or the selection.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> specs = build_delembic_schema_asset_specs(DelembicProject("example_project"))
        >>> specs[0].key.path[0]
        'alembic'
    """
    return schema_asset_specs(project.graph, select_revisions(project.graph, select))


def schema_asset_specs(graph: Graph, revisions: Iterable[str]) -> list[AssetSpec]:
    """Return an external asset for each Alembic revision that some migrations wait for.

    Args:
        graph: All migrations of the project.
        revisions: The migrations that wait.
    """
    names = (name for id_ in revisions for name in graph[id_].depends_on if name not in graph)
    return [_spec(name) for name in dict.fromkeys(names)]


def schema_asset_key(name: str) -> AssetKey:
    """Return the key of an Alembic revision's asset.

    Example:
        >>> schema_asset_key("a1").to_user_string()
        'alembic/a1'
    """
    return AssetKey(["alembic", key_part(name)])


def _spec(name: str) -> AssetSpec:
    return AssetSpec(
        key=schema_asset_key(name),
        # Only Alembic and the database know which of these it is.
        description=f"Data migrations wait for {name}, a revision of Alembic. If Alembic has no"
        " such revision, the name is misspelled, or belongs to a migration whose file is gone.",
        metadata={SCHEMA_REVISION: name},
        group_name="alembic",
        kinds={"alembic"},
    )
