"""Runs of this Dagster that have not ended, and the assets that each is going to materialize."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterInvariantViolationError,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
    ScheduleEvaluationContext,
    SensorEvaluationContext,
)

TickContext = ScheduleEvaluationContext | SensorEvaluationContext

_ENDED = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
_UNFINISHED = [status for status in DagsterRunStatus if status not in _ENDED]


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A run that has not ended.

    Attributes:
        run_id: Dagster's id of the run.
        status: Its status in lower case, such as ``queued``.
        keys: Those of the given assets that it is going to materialize, or has materialized.

    Example:
        >>> str(UnfinishedRun("0a1b2c3d-0000-4000-8000-000000000000", "queued", frozenset()))
        'run 0a1b2c3d, which is queued'
    """

    run_id: str
    status: str
    keys: frozenset[AssetKey]

    def __str__(self) -> str:
        return f"run {self.run_id[:8]}, which is {self.status}"


def unfinished_runs(context: TickContext, keys: Collection[AssetKey]) -> list[UnfinishedRun]:
    """Return the unfinished runs of any job that are going to materialize some of the assets.

    Args:
        context: The context of a tick.
        keys: The assets.
    """
    wanted, instance = frozenset(keys), _instance_of(context)
    if not wanted or instance is None:
        return []
    records = instance.get_run_records(RunsFilter(statuses=_UNFINISHED))
    found = [
        UnfinishedRun(
            run.run_id,
            run.status.value.lower().replace("_", " "),
            wanted & _planned(instance, run),
        )
        for run in (record.dagster_run for record in records)
    ]
    return [run for run in found if run.keys]


def _instance_of(context: TickContext) -> DagsterInstance | None:
    """Return the Dagster instance; ``None`` if a test evaluates a tick without one."""
    try:
        return context.instance
    except DagsterInvariantViolationError:
        return None


def _planned(instance: DagsterInstance, run: DagsterRun) -> frozenset[AssetKey]:
    if run.asset_selection is not None:
        return frozenset(run.asset_selection)
    # A run of a whole job has no selection. Dagster records what it plans when it creates the run.
    entries = instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    events = [entry.dagster_event for entry in entries]
    return frozenset(event.asset_key for event in events if event and event.asset_key)
