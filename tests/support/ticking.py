"""Sensors, evaluated as the daemon does, but without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dagster import (
    AssetCheckEvaluation,
    AssetMaterialization,
    AssetObservation,
    DagsterInstance,
    RunRequest,
    SensorDefinition,
    build_sensor_context,
)


@dataclass(frozen=True)
class Tick:
    """The result of a tick."""

    events: Sequence[AssetMaterialization | AssetObservation | AssetCheckEvaluation]
    requests: Sequence[RunRequest]
    reason: str
    cursor: str | None

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The revision and the kind of each event."""
        return [(event.asset_key.path[-1], type(event).__name__[5:]) for event in self.events]

    @property
    def asked(self) -> list[str]:
        return [k.path[-1] for request in self.requests for k in request.asset_selection or []]


def evaluate(sensor: SensorDefinition, instance: DagsterInstance, cursor: str | None) -> Tick:
    """Evaluate a tick, and record nothing of it."""
    with build_sensor_context(instance, cursor=cursor) as context:
        data = sensor.evaluate_tick(context)
    return Tick(data.asset_events, data.run_requests or [], data.skip_message or "", data.cursor)


def tick(sensor: SensorDefinition, instance: DagsterInstance, cursor: str | None = None) -> Tick:
    """Evaluate a tick, and record its events as the daemon does."""
    told = evaluate(sensor, instance, cursor)
    for event in told.events:
        instance.report_runless_asset_event(event)
    return told
