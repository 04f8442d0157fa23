"""Conditions for Dagster's declarative automation: of migrations, and of what is downstream."""

from __future__ import annotations

from typing import Any

from dagster import AssetSelection, AutomationCondition


def pending_migration_condition() -> AutomationCondition[Any]:
    """Return an automation condition for migrations: run each once, after its dependencies.

    A migration is requested if it has never been materialized, its last execution did not fail, and
    none of its dependencies is in progress or missing (unless it is requested in the same run). A
    failed migration waits for an operator.
    Dagster's own ``eager()`` would request all descendants again whenever an ancestor is
    materialized, and each of those runs would find nothing to do.

    The condition depends on what Dagster has recorded, not on the database. With
    `build_delembic_run_history_sensor`, that includes what was run on the command line. Set the
    condition in a translator of your own.

    Example:
        >>> from dagster import AssetSpec
        >>> from delembic_dagster import DagsterDelembicTranslator, DelembicTranslatorData
        >>> class Automatic(DagsterDelembicTranslator):
        ...     def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        ...         spec = super().get_asset_spec(data)
        ...         return spec.replace_attributes(
        ...             automation_condition=pending_migration_condition()
        ...         )
    """
    return (
        AutomationCondition.missing()
        & ~AutomationCondition.in_progress()
        & ~AutomationCondition.execution_failed()
        # Alembic's revisions are never materialized in Dagster; each step checks them itself.
        & ~AutomationCondition.any_deps_missing().allow(AssetSelection.all())
        & ~AutomationCondition.any_deps_in_progress()
    ).with_label("pending_migration")


def on_cron_after_migrations(
    cron_schedule: str,
    cron_timezone: str = "UTC",
    *,
    migrations: AssetSelection | None = None,
) -> AutomationCondition[Any]:
    """Return ``on_cron`` for an asset downstream of migrations.

    Dagster's own ``on_cron()`` waits until everything upstream was updated since the last tick of
    the schedule. A migration is applied once, so such an asset would never be requested again.
    With this condition, the migrations only have to be there; all other assets upstream have to be
    updated.

    Args:
        cron_schedule: A cron expression.
        cron_timezone: Its time zone, such as ``Europe/Berlin``.
        migrations: The migrations, and the revisions of Alembic; all assets of the kinds
            ``delembic`` and ``alembic`` if ``None``.

    Example:
        >>> from dagster import AssetKey, asset
        >>> nightly = on_cron_after_migrations("0 5 * * *", "Europe/Berlin")
        >>> @asset(deps=[AssetKey(["delembic", "D001"])], automation_condition=nightly)
        ... def colour_report() -> None: ...
    """
    if migrations is None:
        migrations = AssetSelection.kind("delembic") | AssetSelection.kind(
            "alembic", include_sources=True
        )
    # Alembic's revisions are never materialized in Dagster, so they cannot be missing.
    applied = ~AutomationCondition.any_deps_missing().allow(AssetSelection.kind("delembic"))
    on_cron = AutomationCondition.on_cron(cron_schedule, cron_timezone)
    return (on_cron.ignore(migrations) & applied).with_label("on_cron_after_migrations")
