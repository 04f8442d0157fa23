"""What Dagster's event log already contains or is about to, so that nothing is reported twice."""

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
"""The number of events of one asset to search."""

_CLAIM_SECONDS = 60.0
"""How long a sensor keeps its claim to report an attempt."""

_Event = AssetMaterialization | AssetObservation


class EventLog:
    """Reads events from a Dagster instance, with one query for all assets and more where needed.

    Args:
        instance: The Dagster instance.
        keys: The keys of the assets to read.
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
        """Return the data version of an asset; ``None`` if it has not been materialized."""
        latest = self._latest.get(key)
        return (latest.tags or {}).get(DATA_VERSION_TAG) if latest else None

    def has(self, key: AssetKey, attempt: LogEntry) -> bool:
        """Return whether an asset has an event for the end of an attempt."""
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
    """Return the runs of this instance that made the attempts, and whether each has ended."""
    ids = {a.executor_run_id for a in attempts if a.executor == EXECUTOR and a.executor_run_id}
    if not ids:
        return {}
    records = instance.get_run_records(RunsFilter(run_ids=sorted(ids)))
    return {record.dagster_run.run_id: record.dagster_run.is_finished for record in records}


@dataclass
class Claims:
    """Claims to report attempts, among the sensors that are evaluated in one process.

    An event is recorded after the tick that returned it. Without claims, a second sensor that is
    evaluated in between would return the event too.
    """

    _holders: dict[Any, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, what: Any, sensor: str) -> bool:
        """Claim an attempt for a sensor, and return whether no other sensor holds the claim."""
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
    # A database that was created again numbers its attempts from 1 again.
    return facts.get(HISTORY_ID) == attempt.id and facts.get(RUN_ID) in (None, attempt.run_id)
