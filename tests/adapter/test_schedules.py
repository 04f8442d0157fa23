"""Schedules that run migrations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    RunRequest,
    ScheduleDefinition,
    build_schedule_context,
)
from sqlalchemy import make_url

from delembic import commands
from delembic.errors import DatabaseUnavailableError, MigrationPausedError
from delembic.locks.file import DatabaseFileLock
from delembic.locks.lock import holding
from delembic_dagster import (
    DelembicProject,
    build_delembic_assets,
    build_delembic_defs,
    build_delembic_job,
    build_delembic_pending_sensor,
    build_schedule_from_delembic_selection,
)
from support.batched import ROWS, counts, fail_after, write_batched
from support.dagster_location import Location, key
from support.projects import ProjectFolder
from support.ticking import tick as tick_of_sensor

DAILY = "0 5 * * *"


def tick(
    schedule: ScheduleDefinition, instance: DagsterInstance
) -> tuple[list[AssetKey], str | None]:
    """The result of a tick: the assets that it requests, or the reason to skip."""
    with build_schedule_context(instance) as context:
        data = schedule.evaluate_tick(context)
    requests: list[RunRequest] = list(data.run_requests or [])
    return [k for request in requests for k in request.asset_selection or []], data.skip_message


def test_every_tick_runs_the_selection(files: ProjectFolder, instance: DagsterInstance) -> None:
    for revision in ("D001", "D002", "D003"):
        files.migration(revision)

    schedule = build_schedule_from_delembic_selection(
        DelembicProject(files.root), DAILY, ["D003", "upto:D001"]
    )

    assert tick(schedule, instance) == ([key("D001"), key("D003")], None)


def test_an_empty_selection_runs_nothing(files: ProjectFolder, instance: DagsterInstance) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)
    (beside,) = build_delembic_defs(project, select=[], cron=DAILY).schedules or ()
    assert isinstance(beside, ScheduleDefinition)

    for schedule in (build_schedule_from_delembic_selection(project, DAILY, []), beside):
        assert tick(schedule, instance)[0] == []


def test_pending_queries_the_database_at_every_tick(location: Location) -> None:
    location.inserting("D001")
    location.inserting("D002", "D001")
    location.folder.migration("D003", "1/0", depends_on=("D002",))
    schedule = build_schedule_from_delembic_selection(location.project, DAILY)

    assert tick(schedule, location.instance)[0] == [key("D001"), key("D002"), key("D003")]
    location.run("D001", "D002")
    assert tick(schedule, location.instance)[0] == [key("D003")]
    location.run("D003")
    assert tick(schedule, location.instance)[0] == [
        key("D003")
    ]  # it failed, so it is still pending
    location.inserting("D003", "D002")
    location.run("D003")
    keys, reason = tick(schedule, location.instance)
    assert keys == []
    assert reason
    assert "Nothing is pending" in reason


def test_pending_limits_the_selection_to_what_is_not_applied(sqlite_location: Location) -> None:
    for revision in ("D001", "D002", "D003"):
        sqlite_location.inserting(revision)
    sqlite_location.folder.upgrade("D001")

    schedule = build_schedule_from_delembic_selection(
        sqlite_location.project, DAILY, ["upto:D002", "D001", "pending"]
    )

    assert tick(schedule, sqlite_location.instance)[0] == [key("D002")]


@pytest.fixture
def storing(sqlite_location: Location) -> Iterator[Location]:
    """A location whose Dagster instance the context of a schedule can reach."""
    with DagsterInstance.local_temp() as instance:
        yield replace(sqlite_location, instance=instance)


@pytest.mark.parametrize("selection", ["pending", "D001", ["D001", "D002"]])
def test_a_tick_skips_while_a_run_with_some_of_the_migrations_has_not_ended(
    storing: Location, selection: str | list[str]
) -> None:
    storing.inserting("D001")
    storing.inserting("D002", "D001")
    schedule = build_schedule_from_delembic_selection(storing.project, DAILY, selection)
    run = storing.starting("D001")

    keys, reason = tick(schedule, storing.instance)
    assert keys == []
    assert f"run {run.run_id[:8]}, which is starting" in (reason or "")
    storing.instance.report_run_failed(run)
    assert key("D001") in tick(schedule, storing.instance)[0]


def test_a_tick_leaves_out_what_runs_elsewhere(sqlite_location: Location) -> None:
    location = sqlite_location
    location.inserting("D001")
    schedule = build_schedule_from_delembic_selection(location.project, DAILY)
    location.folder.upgrade()
    location.folder.execute(
        "DELETE FROM delembic_version",
        "UPDATE delembic_run_history SET status = 'running', ended_at = NULL",
    )
    lock = DatabaseFileLock(Path(make_url(location.folder.url).database or ""))
    with holding(lock, "D001"):
        keys, reason = tick(schedule, location.instance)

    assert keys == []
    assert "D001 is running: " in (reason or "")
    assert tick(schedule, location.instance)[0] == [key("D001")]


def test_a_requested_run_succeeds(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001", validate="pass")
    sqlite_location.inserting("D002")
    definitions = sqlite_location.definitions(cron=DAILY)
    (schedule,) = definitions.schedules or []
    assert isinstance(schedule, ScheduleDefinition)
    keys, _ = tick(schedule, sqlite_location.instance)

    ran = sqlite_location.run_definitions(definitions, *(k.path[-1] for k in keys))

    assert ran.success
    assert ran.checks() == [("D001", True)]
    assert sqlite_location.inserted() == ["D001", "D002"]


def test_a_migration_newer_than_the_definitions_waits_for_a_reload(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    schedule = build_schedule_from_delembic_selection(sqlite_location.project, DAILY)
    sqlite_location.inserting("D002")

    assert tick(schedule, sqlite_location.instance)[0] == [key("D001")]
    sqlite_location.folder.upgrade("D001")
    keys, reason = tick(schedule, sqlite_location.instance)
    assert keys == []
    assert "Reload the code location: it does not know D002 yet." in (reason or "")


def test_a_tick_reports_that_the_database_does_not_answer(
    files: ProjectFolder, instance: DagsterInstance
) -> None:
    files.migration("D001")
    schedule = build_schedule_from_delembic_selection(DelembicProject(files.root), DAILY)

    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1"):
        tick(schedule, instance)


def test_a_schedule_comes_with_its_job_or_uses_the_given_one(files: ProjectFolder) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)
    assets = build_delembic_assets(project)
    job = build_delembic_job(project)

    alone = build_schedule_from_delembic_selection(project, DAILY)
    beside = build_schedule_from_delembic_selection(project, DAILY, job=job)

    for definitions in (
        Definitions(assets=assets, schedules=[alone]),
        Definitions(assets=assets, schedules=[beside], jobs=[job]),
    ):
        Definitions.validate_loadable(definitions)
        assert definitions.resolve_job_def("delembic_upgrade").name == "delembic_upgrade"


def test_names_times_and_keys_are_as_given(files: ProjectFolder, instance: DagsterInstance) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)
    options: dict[str, Any] = {
        "name": "at_night",
        "execution_timezone": "Europe/Berlin",
        "default_status": DefaultScheduleStatus.RUNNING,
    }

    schedule = build_schedule_from_delembic_selection(
        project, DAILY, "D001", job=build_delembic_job(project, name="mine"), **options
    )

    assert (schedule.name, schedule.job_name) == ("at_night", "mine")
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.default_status == DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == DAILY


def test_a_schedule_works_through_long_work_night_by_night_and_the_sensor_leaves_it_alone(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = sqlite_location
    write_batched(location.folder, with_rows=True, stop_after=2)
    location.inserting("D002", "D001")
    seconds = count()
    for module in ("run", "session"):
        monkeypatch.setattr(f"delembic.execution.{module}.monotonic", lambda: float(next(seconds)))
    schedule = build_schedule_from_delembic_selection(location.project, DAILY)
    sensor = build_delembic_pending_sensor(location.project)

    nights = 0
    while (keys := tick(schedule, location.instance)[0]) and nights < ROWS:
        assert keys == [key("D001"), key("D002")]
        location.run()
        nights += 1
        told = tick_of_sensor(sensor, location.instance)
        assert told.asked == []
        if location.folder.states()["D001"] == "paused":
            assert "D001 is paused: its time was up" in told.reason

    assert nights > 2
    assert counts(location.folder) == {1: ROWS}
    assert location.inserted() == ["D002"]


def test_what_somebody_has_paused_is_requested_by_nobody_until_it_is_resumed(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    write_batched(location.folder, fail_after(3), with_rows=True)
    location.run()
    commands.pause(location.folder.config, "D001")
    schedule = build_schedule_from_delembic_selection(location.project, DAILY)
    write_batched(location.folder)
    sensor = build_delembic_pending_sensor(location.project)

    keys, reason = tick(schedule, location.instance)
    asked = tick_of_sensor(sensor, location.instance)

    assert (keys, asked.asked) == ([], [])
    assert reason == asked.reason == "D001 is paused: somebody has to run 'delembic resume D001'."
    commands.resume(location.folder.config, "D001")
    assert tick(schedule, location.instance)[0] == [key("D001")]
    assert tick_of_sensor(sensor, location.instance).asked == ["D001"]


def test_the_sensor_goes_on_with_what_a_command_has_stopped_after_a_time(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = sqlite_location
    write_batched(location.folder, with_rows=True)
    with monkeypatch.context() as clock:
        seconds = count()
        for module in ("run", "session"):
            clock.setattr(f"delembic.execution.{module}.monotonic", lambda: float(next(seconds)))
        with pytest.raises(MigrationPausedError):
            location.folder.upgrade(stop_after_seconds=2)

    assert tick_of_sensor(
        build_delembic_pending_sensor(location.project), location.instance
    ).asked == ["D001"]
