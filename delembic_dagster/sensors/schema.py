"""Alembic's revisions that are applied, as Dagster's events."""

from __future__ import annotations

from collections.abc import Callable

from dagster import AssetKey, AssetMaterialization, DagsterInstance

from delembic import commands
from delembic_dagster.metadata import (
    APPLIED,
    DATA_VERSION_TAG,
    INITIAL_VERSION,
    SCHEMA_MESSAGE,
    SCHEMA_REVISION,
    STATUS,
)
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.schema_assets import schema_asset_specs


def schema_events(
    migrations: Migrations, instance: DagsterInstance, claimed: Callable[[str], bool]
) -> list[AssetMaterialization]:
    """Return a materialization for each applied revision of Alembic that Dagster has none of.

    Alembic is only asked while there is such a revision, and never if the project does not use it.

    Args:
        migrations: The migrations that wait for these revisions.
        instance: The Dagster instance.
        claimed: Returns whether the sensor may report a revision; another one may be about to.

    Raises:
        ConfigurationError: The database or Alembic's files cannot be read.
    """
    config = migrations.project.config
    waiting = _not_materialized(migrations, instance) if config.alembic_config else {}
    applied = commands.applied_schema(config) if waiting else {}
    return [
        _materialization(key, name, applied[name])
        for name, key in waiting.items()
        if name in applied and claimed(name)
    ]


def _not_materialized(migrations: Migrations, instance: DagsterInstance) -> dict[str, AssetKey]:
    keys = {
        str(spec.metadata[SCHEMA_REVISION]): spec.key for spec in schema_asset_specs(migrations)
    }
    records = instance.get_asset_records([*keys.values()]) if keys else []
    seen = {
        record.asset_entry.asset_key
        for record in records
        if record.asset_entry.last_materialization
    }
    return {name: key for name, key in keys.items() if key not in seen}


def _materialization(key: AssetKey, name: str, message: str) -> AssetMaterialization:
    return AssetMaterialization(
        asset_key=key,
        description=message or None,
        metadata={SCHEMA_REVISION: name, STATUS: APPLIED, SCHEMA_MESSAGE: message},
        # The version that Dagster assumes for it before this event. With any other, the migrations
        # that have been applied since would be out of date.
        tags={DATA_VERSION_TAG: INITIAL_VERSION},
    )
