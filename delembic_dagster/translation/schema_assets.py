"""Alembic's revisions as external assets that migrations wait for."""

from __future__ import annotations

from dagster import AssetSpec

from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.arrangement import Arrangement, KeyPrefix
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translator import DagsterDelembicTranslator


def build_delembic_schema_asset_specs(
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    key_prefix: KeyPrefix | None = None,
) -> list[AssetSpec]:
    """Return an external asset for each Alembic revision that a migration names in ``depends_on``.

    They are upstream of these migrations. Neither the database nor Alembic is consulted: these are
    the names that are not migrations. A run reports a name that Alembic does not know.

    Args:
        project: The project.
        translator: The translator that the migrations' assets are built with.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        key_prefix: One or several parts in front of all asset keys.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> specs = build_delembic_schema_asset_specs(DelembicProject("example_project"))
        >>> specs[0].key.path[0]
        'alembic'
    """
    arrangement = Arrangement.of(key_prefix=key_prefix)
    return schema_asset_specs(Migrations.of(project, translator, select, arrangement))


def schema_asset_specs(migrations: Migrations) -> list[AssetSpec]:
    """Return an external asset for each Alembic revision that some migrations wait for.

    Args:
        migrations: The migrations that wait.
    """
    specs = (spec for item in migrations.values() for spec in item.schema_specs)
    return list({spec.key: spec for spec in specs}.values())
