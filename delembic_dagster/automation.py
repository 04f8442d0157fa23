"""The condition on which Dagster's declarative automation runs a migration."""

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
