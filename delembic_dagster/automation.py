"""When Dagster's own automation may run a migration."""

from __future__ import annotations

from typing import Any

from dagster import AssetSelection, AutomationCondition


def pending_migration_condition() -> AutomationCondition[Any]:
    """Return the condition that fits migrations: run each once, after all that it depends on.

    A migration is asked for while it has never been materialised, nothing that it depends on is at
    work or missing (unless that is asked for in the same run), and its last run did not fail; a
    failed one waits for an operator.
    Dagster's own ``eager()`` would ask for all descendants again whenever an ancestor is
    materialised, and each would be a run that finds nothing to do.

    It looks at what Dagster shows, not at the database: with `build_delembic_run_history_sensor`
    that includes what the command line did. Give it to the assets in a translator of your own.

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
        # Alembic's revisions are never materialised in Dagster; a step looks at them itself.
        & ~AutomationCondition.any_deps_missing().allow(AssetSelection.all())
        & ~AutomationCondition.any_deps_in_progress()
    ).with_label("pending_migration")
