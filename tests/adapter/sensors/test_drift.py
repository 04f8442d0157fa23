"""The sensor that alerts when data has drifted."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import SensorDefinition, SensorEvaluationContext

from delembic_dagster import Drift, build_delembic_drift_sensor
from support.dagster_location import Location
from support.ticking import Tick, tick

EXPECT = "assert conn.exec_driver_sql('SELECT count(*) FROM t').scalar() == 1, 'rows are gone'"


class Alerts:
    """What a sensor has alerted of, and whether the alert can be sent."""

    def __init__(self) -> None:
        self.drifts: list[Drift] = []
        self.can_be_sent = True

    def __call__(self, context: SensorEvaluationContext, drift: Drift) -> None:
        if not self.can_be_sent:
            raise ConnectionError("no connection to the chat")
        self.drifts.append(drift)

    def taken(self) -> list[str]:
        revisions = [drift.revision for drift in self.drifts]
        self.drifts.clear()
        return revisions


@pytest.fixture
def alerts() -> Alerts:
    return Alerts()


@pytest.fixture
def drifted(location: Location) -> Location:
    """Two applied migrations; the data of the first is gone, and both were verified."""
    location.inserting("D001", validate=EXPECT)
    location.folder.migration("D002", validate="pass")
    location.folder.upgrade()
    location.folder.verify()
    location.folder.execute("DELETE FROM t")
    location.folder.verify()
    return location


def sensor_of(location: Location, alerts: Alerts, **options: Any) -> SensorDefinition:
    return build_delembic_drift_sensor(location.project, alerts, **options)


def test_each_verification_that_failed_is_alerted_of_once(
    drifted: Location, alerts: Alerts
) -> None:
    sensor = sensor_of(drifted, alerts)

    told = tick(sensor, drifted.instance)
    (drift,) = alerts.drifts
    assert drift.text == (
        "The data of D001 no longer passes validate(): AssertionError: rows are gone"
    )
    assert [entry.status for entry in drift.last_runs] == ["failed", "success"]
    assert drift.is_new
    assert told.reason == "Alerted of D001."
    assert alerts.taken() == ["D001"]
    told = tick(sensor, drifted.instance, told.cursor)
    assert alerts.taken() == []
    drifted.run_definitions(drifted.definitions(), job="delembic_verify")
    tick(sensor, drifted.instance, told.cursor)
    (drift,) = alerts.drifts
    assert (drift.revision, drift.is_new, drift.finding.executor) == ("D001", False, "dagster")


def test_an_alert_that_could_not_be_sent_is_repeated(drifted: Location, alerts: Alerts) -> None:
    sensor = sensor_of(drifted, alerts)
    alerts.can_be_sent = False
    with pytest.raises(ConnectionError):
        tick(sensor, drifted.instance)

    alerts.can_be_sent = True
    tick(sensor, drifted.instance)

    assert alerts.taken() == ["D001"]


def test_the_first_tick_does_not_tell_what_was_corrected_since(
    drifted: Location, alerts: Alerts
) -> None:
    drifted.folder.execute("INSERT INTO t VALUES ('D001')")
    drifted.folder.verify()

    told = tick(sensor_of(drifted, alerts), drifted.instance)

    assert alerts.taken() == []
    assert told.reason == "No verification has found drifted data since."


def test_only_selected_migrations_are_alerted_of(drifted: Location, alerts: Alerts) -> None:
    tick(sensor_of(drifted, alerts, select="D002"), drifted.instance)

    assert alerts.taken() == []


def test_a_database_that_was_made_anew_is_watched_from_the_start(
    drifted: Location, alerts: Alerts
) -> None:
    sensor = sensor_of(drifted, alerts)
    told: Tick | None = None
    for _ in range(2):
        told = tick(sensor, drifted.instance, told.cursor if told else None)
        assert alerts.taken() == ["D001"]
        # Its entries have the same numbers, but other ids.
        drifted.folder.execute("UPDATE delembic_run_history SET run_id = REPLACE(run_id, '-', '_')")
