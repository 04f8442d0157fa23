"""Migrations as asset specs, for assets that users define."""

from __future__ import annotations

from dagster import AssetKey, AssetSpec

from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.arrangement import Arrangement, KeyPrefix, Names
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translator import DagsterDelembicTranslator


def build_delembic_asset_specs(
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    names: Names | None = None,
    key_prefix: KeyPrefix | None = None,
    group_name: str | None = None,
) -> list[AssetSpec]:
    """Return an asset spec for each migration, without a way to run it.

    Use them for assets of your own that call `DelembicResource`, or to display migrations that
    something else runs.

    Args:
        project: The project.
        translator: Defines how the migrations look in Dagster.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        names: ``file`` to name the assets after the migrations' files instead of their revisions.
        key_prefix: One or several parts in front of all asset keys.
        group_name: The group of all migrations.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> specs = build_delembic_asset_specs(DelembicProject("example_project"))
        >>> specs[0].key.to_user_string()
        'delembic/D001'
    """
    arrangement = Arrangement.of(names, key_prefix, group_name)
    return [item.spec for item in Migrations.of(project, translator, select, arrangement).values()]


def get_asset_key_for_revision(
    project: DelembicProject,
    revision: str,
    *,
    translator: DagsterDelembicTranslator | None = None,
    names: Names | None = None,
    key_prefix: KeyPrefix | None = None,
) -> AssetKey:
    """Return the asset key of a migration, for use in assets of your own.

    Args:
        project: The project.
        revision: The migration.
        translator: The translator that the assets are built with, if not the default one.
        names: As for `build_delembic_assets`.
        key_prefix: As for `build_delembic_assets`.

    Raises:
        UnknownRevisionError: The project has no such revision.
        DefinitionError: Something is wrong with the files or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> from dagster import asset
        >>> project = DelembicProject("example_project")
        >>> @asset(deps=[get_asset_key_for_revision(project, "D001")])
        ... def vocabulary_report() -> None: ...
    """
    project.graph.require(revision)
    arrangement = Arrangement.of(names, key_prefix)
    return Migrations.of(project, translator, None, arrangement)[revision].spec.key
