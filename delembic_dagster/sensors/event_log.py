"""What Dagster's event log holds already, or is about to, so that nothing is reported twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterInstance,
    EventLogRecord,
    RunsFilter,
)

from delembic import LogEntry, Status
from delembic_dagster.metadata import DATA_VERSION_TAG, EXECUTOR, HISTORY_ID, RUN_ID

_LOOK_BACK = 500
"""Events of one asset that are looked through."""

_CLAIM_SECONDS = 60.0
"""How long a sensor that is about to report an attempt keeps others from it."""

_Event = AssetMaterialization | AssetObservation


class EventLog:
    """Looks into a Dagster instance: one query for all assets, and more only where it has to.

    Args:
        instance: Where to look.
        keys: The assets that matter.
    """

    def __init__(self, instance: DagsterInstance, keys: Iterable[AssetKey]) -> None:
        self._instance = instance
        self._latest: dict[AssetKey, AssetMaterialization] = {}
        self._earlier: dict[tuple[AssetKey, bool], list[_Event]] = {}
        wanted = list(keys)
        for record in instance.get_asset_records(wanted) if wanted else []:
            latest = record.asset_entry.last_materialization
            if latest and latest.asset_materialization:
                self._latest[record.asset_entry.asset_key] = latest.asset_materialization

    def data_version(self, key: AssetKey) -> str | None:
        """Return the data version of an asset, if it was materialised."""
        latest = self._latest.get(key)
        return (latest.tags or {}).get(DATA_VERSION_TAG) if latest else None

    def has(self, key: AssetKey, attempt: LogEntry) -> bool:
        """Tell whether an asset has an event for how the attempt ended."""
        if attempt.status != Status.SUCCESS:
            return any(_is_event_of(event, attempt) for event in self._events(key, success=False))
        if key not in self._latest:
            return False
        if _is_event_of(self._latest[key], attempt):
            return True
        return any(_is_event_of(event, attempt) for event in self._events(key, success=True))

    def _events(self, key: AssetKey, *, success: bool) -> list[_Event]:
        if (key, success) not in self._earlier:
            fetch = (
                self._instance.fetch_materializations
                if success
                else self._instance.fetch_observations
            )
            records = fetch(key, limit=_LOOK_BACK).records
            self._earlier[key, success] = [e for record in records if (e := _event(record))]
        return self._earlier[key, success]


def own_runs(instance: DagsterInstance, attempts: Iterable[LogEntry]) -> Mapping[str, bool]:
    """Return the runs of this very Dagster that made attempts, and whether each is over."""
    ids = {a.executor_run_id for a in attempts if a.executor == EXECUTOR and a.executor_run_id}
    if not ids:
        return {}
    records = instance.get_run_records(RunsFilter(run_ids=sorted(ids)))
    return {record.dagster_run.run_id: record.dagster_run.is_finished for record in records}


@dataclass
class Claims:
    """Who is about to report what, among sensors that are evaluated in one process.

    An event is recorded after the tick that returned it. Without this, a second sensor that is
    evaluated in between would return it too.
    """

    _holders: dict[Any, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, what: Any, sensor: str) -> bool:
        """Claim something for a sensor, and tell whether no other one has it."""
        now = time.monotonic()
        with self._lock:
            self._holders = {
                key: held for key, held in self._holders.items() if now - held[1] < _CLAIM_SECONDS
            }
            holder, _ = self._holders.setdefault(what, (sensor, now))
            return holder == sensor


def _event(record: EventLogRecord) -> _Event | None:
    return record.asset_materialization or record.asset_observation


def _is_event_of(event: _Event, attempt: LogEntry) -> bool:
    facts = {
        name: event.metadata[name].value for name in (HISTORY_ID, RUN_ID) if name in event.metadata
    }
    # A database that was made anew counts its attempts from 1 again.
    return facts.get(HISTORY_ID) == attempt.id and facts.get(RUN_ID) in (None, attempt.run_id)
