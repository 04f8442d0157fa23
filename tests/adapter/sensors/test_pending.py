"""The sensor that requests a run when a deployment brings new migrations."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions, SensorDefinition

from delembic.errors import ConfigurationError, DatabaseUnavailableError
from delembic_dagster import DelembicProject, build_delembic_defs, build_delembic_pending_sensor
from support.dagster_location import Location
from support.projects import GATES, ProjectFolder
from support.servers.backend import Backend
from support.shell import wait_until
from support.ticking import tick

SCHEMA = """
    revision = "S001"
    down_revision = None


    def upgrade():
        pass
"""
ENV = """
    from alembic import context
"""


@contextmanager
def running(location: Location, revision: str) -> Iterator[None]:
    """A run on another thread that is at work on a revision."""
    GATES["go"].clear()
    with ThreadPoolExecutor() as threads:
        run = threads.submit(location.folder.apply, revision)
        try:
            wait_until(lambda: location.folder.states().get(revision) == "running", 30)
            yield
        finally:
            GATES["go"].set()
            run.result()


def sensor_of(location: Location, **options: Any) -> SensorDefinition:
    return build_delembic_pending_sensor(location.project, **options)


def test_what_is_pending_is_requested_until_it_is_applied(location: Location) -> None:
    location.inserting("D001")
    location.inserting("D002", "D001")
    sensor = sensor_of(location)

    told = tick(sensor, location.instance)
    assert told.asked == ["D001", "D002"]
    run = location.starting(*told.asked)
    told = tick(sensor, location.instance, told.cursor)
    assert told.asked == []
    assert f"D001 is in run {run.run_id[:8]}, which is starting" in told.reason
    location.instance.report_run_canceled(run)
    location.folder.upgrade("D001")
    told = tick(sensor, location.instance, told.cursor)
    assert told.asked == ["D002"]
    assert location.run(*told.asked).success
    assert "Nothing is pending" in tick(sensor, location.instance, told.cursor).reason


@pytest.mark.parametrize("whole_job", [True, False])
def test_nothing_is_requested_while_a_run_with_some_of_it_has_not_ended(
    sqlite_location: Location, whole_job: bool
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.inserting("D002")
    run = location.starting(*([] if whole_job else ["D001"]))

    told = tick(sensor_of(location), location.instance)

    assert told.asked == []
    in_run = f"is in run {run.run_id[:8]}, which is starting"
    assert f"D001 {in_run}" in told.reason
    assert (f"D002 {in_run}" if whole_job else "D002 is pending") in told.reason


def test_a_run_of_other_assets_holds_nothing_up(sqlite_location: Location) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.starting("D001")
    location.folder.upgrade()
    location.inserting("D002")

    assert tick(sensor_of(location), location.instance).asked == ["D002"]


def test_a_database_that_is_made_anew_is_filled_again_with_or_without_the_cursor(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    for cursor in ("kept", "cleared"):
        told = tick(sensor_of(location), location.instance)
        assert location.run(*told.asked).success
        for table in ("delembic_version", "delembic_run_history"):
            location.folder.execute(f"DELETE FROM {table}")

        told = tick(
            sensor_of(location), location.instance, told.cursor if cursor == "kept" else None
        )

        assert told.asked == ["D001"]
        assert told.requests[0].run_key is None  # Dagster skips a key that it has seen


def test_what_a_living_runner_holds_is_left_out_with_all_that_depends_on_it(
    backend: Backend, location: Location
) -> None:
    location.folder.migration("D001", "GATES['go'].wait(PATIENCE_SECONDS)")
    location.inserting("D002", "D001")
    location.inserting("D003")
    sensor = sensor_of(location)
    with running(location, "D001"):
        told = tick(sensor, location.instance)

    # SQLite has one lock for all revisions: a run of D003 would only wait for it.
    assert told.asked == ([] if backend.name == "sqlite" else ["D003"])
    assert tick(sensor, location.instance, told.cursor).asked == ["D002", "D003"]


def test_a_tick_says_who_is_at_work(sqlite_location: Location) -> None:
    location = sqlite_location
    location.folder.migration("D001", "GATES['go'].wait(PATIENCE_SECONDS)")
    location.inserting("D002", "D001")
    with running(location, "D001"):
        told = tick(sensor_of(location), location.instance)

    assert told.asked == []
    assert f"pid {os.getpid()} (python)" in told.reason
    assert "D001 is running: " in told.reason


@pytest.mark.parametrize("noticed", [True, False])
def test_what_a_killed_run_has_left_is_requested_again(location: Location, noticed: bool) -> None:
    location.inserting("D001")
    location.inserting("D002", "D001")
    sensor = sensor_of(location)
    told = tick(sensor, location.instance)
    run = location.starting(*told.asked)
    location.folder.apply("D001")
    location.folder.execute(
        "DELETE FROM delembic_version",
        "UPDATE delembic_run_history SET status = 'running', ended_at = NULL, hostname = 'gone',"
        f" executor = 'dagster', executor_run_id = '{run.run_id}'",
    )
    if noticed:
        location.instance.report_run_failed(run)

    told = tick(sensor, location.instance, told.cursor)

    assert told.asked == ["D001", "D002"]
    assert location.folder.states() == {"D001": "interrupted", "D002": "blocked"}


def test_what_runs_can_never_record_is_requested_again_with_growing_pauses(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = sqlite_location
    location.inserting("D001")
    sensor, told = sensor_of(location), None
    now = time.time()
    requested_at = []
    for minute in range(60):
        monkeypatch.setattr(time, "time", lambda minute=minute: now + 60 * minute)
        told = tick(sensor, location.instance, told.cursor if told else None)
        if told.asked:
            requested_at.append(minute)

    assert requested_at == [0, 1, 2, 3, 5, 9, 17, 33]
    assert told is not None
    assert "D001 is pending. The next request is made at " in told.reason
    location.inserting("D001", validate="pass")
    assert tick(sensor, location.instance, told.cursor).asked == ["D001"]


def test_a_new_file_is_requested_together_with_everything_else_that_is_pending(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.inserting("D002")
    cursor = tick(sensor_of(location), location.instance).cursor
    location.folder.upgrade("D001")
    location.inserting("D003")

    assert tick(sensor_of(location), location.instance, cursor).asked == ["D002", "D003"]


def test_a_failed_migration_is_requested_again_when_its_file_is_corrected(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.folder.migration("D001", "1/0")
    location.inserting("D002", "D001")
    sensor = sensor_of(location)
    first = tick(sensor, location.instance)
    location.run()

    told = tick(sensor, location.instance, first.cursor)
    assert told.asked == []
    assert told.reason == ("D001 failed, and its file has not changed since; D002 waits for D001.")
    assert tick(sensor, location.instance).asked == []  # whatever the cursor says
    location.inserting("D001")
    told = tick(sensor, location.instance, told.cursor)

    assert told.asked == ["D001", "D002"]
    assert location.run(*told.asked).success
    assert "Nothing is pending" in tick(sensor, location.instance, told.cursor).reason


@pytest.mark.parametrize("cursor", ["?", "7", '{"a": 1}', "[1]", '["D001 a1b2"]'])
def test_a_cursor_that_cannot_be_read_is_like_none(sqlite_location: Location, cursor: str) -> None:
    sqlite_location.inserting("D001")

    assert tick(sensor_of(sqlite_location), sqlite_location.instance, cursor).asked == ["D001"]


def test_a_migration_is_requested_when_its_alembic_revision_is_applied(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.folder.configure(alembic_config="alembic.ini")
    location.folder.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
    location.folder.write("schema/env.py", ENV)
    location.folder.write("schema/versions/s1.py", SCHEMA)
    location.inserting("D001", "S001")
    location.inserting("D002", "D001")
    location.inserting("D003")
    sensor = sensor_of(location)

    told = tick(sensor, location.instance)
    assert told.asked == ["D003"]
    location.folder.upgrade("D003")
    told = tick(sensor, location.instance, told.cursor)
    assert "D001 waits for S001" in told.reason
    location.folder.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('S001')",
    )
    assert tick(sensor, location.instance, told.cursor).asked == ["D001", "D002"]


def test_a_script_of_alembics_that_cannot_be_read_is_told_by_the_tick_and_by_a_run(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.folder.configure(alembic_config="alembic.ini")
    location.folder.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
    location.folder.write("schema/versions/s1.py", "import long_gone")
    location.inserting("D001", "S001")
    complaint = r"Alembic cannot read .*alembic\.ini and its scripts: ModuleNotFoundError"

    with pytest.raises(ConfigurationError, match=complaint):
        tick(sensor_of(location), location.instance)

    assert re.search(complaint, location.run().failure("D001").description)


def test_a_selected_migration_waits_for_one_that_is_not_selected_and_not_applied(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration("D001", "1/0")
    sqlite_location.inserting("D002", "D001")
    sensor = sensor_of(sqlite_location, select="D002")
    sqlite_location.run("D001")

    told = tick(sensor, sqlite_location.instance)

    assert (told.asked, told.reason) == ([], "D002 waits for D001.")


def test_only_selected_migrations_are_requested(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002")

    told = tick(sensor_of(sqlite_location, select="D002"), sqlite_location.instance)

    assert told.asked == ["D002"]


def test_a_file_newer_than_the_definitions_waits_for_a_reload(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.folder.upgrade()
    sensor = sensor_of(sqlite_location)
    sqlite_location.inserting("D002")

    told = tick(sensor, sqlite_location.instance)

    assert told.asked == []
    assert "Reload the code location: it does not know D002 yet." in told.reason


def test_a_database_that_does_not_answer_fails_the_tick_without_its_password(
    files: ProjectFolder, instance: DagsterInstance
) -> None:
    files.url = "postgresql+psycopg://ann:mellon-9@127.0.0.1:1/nowhere"
    files.configure()
    files.migration("D001")
    sensor = build_delembic_pending_sensor(DelembicProject(files.root))

    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1") as caught:
        tick(sensor, instance)

    assert "mellon-9" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_sensor_comes_with_its_job_or_uses_the_given_one(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001", validate="pass")
    project = sqlite_location.project
    alone = build_delembic_defs(project, sensors=False)

    for definitions in (
        build_delembic_defs(project),
        Definitions.merge(
            Definitions(assets=alone.assets),
            Definitions(sensors=[build_delembic_pending_sensor(project, name="mine")]),
        ),
    ):
        Definitions.validate_loadable(definitions)
        sensor = next(s for s in definitions.sensors or [] if "history" not in s.name)
        assert isinstance(sensor, SensorDefinition)
        told = tick(sensor, sqlite_location.instance)
        assert told.asked == ["D001"]
    ran = sqlite_location.run_definitions(definitions, *told.asked)
    assert ran.checks() == [("D001", True)]
