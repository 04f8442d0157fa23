"""The sensor that requests a run when a deployment brings new migrations."""

from __future__ import annotations

import re
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions, SensorDefinition

from delembic.errors import ConfigurationError, DatabaseUnavailableError
from delembic_dagster import DelembicProject, build_delembic_defs, build_delembic_pending_sensor
from support.dagster_location import Location
from support.projects import ProjectFolder
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


def sensor_of(location: Location, **options: Any) -> SensorDefinition:
    return build_delembic_pending_sensor(location.project, **options)


def test_pending_migrations_are_requested_once(location: Location) -> None:
    location.inserting("D001")
    location.inserting("D002", "D001")
    sensor = sensor_of(location)

    told = tick(sensor, location.instance)
    assert told.asked == ["D001", "D002"]
    told = tick(sensor, location.instance, told.cursor)
    assert told.asked == []
    assert "Already requested: D001, D002." in told.reason
    location.folder.upgrade("D001")  # the run is in progress
    assert tick(sensor, location.instance, told.cursor).asked == []
    location.folder.upgrade()
    told = tick(sensor, location.instance, told.cursor)
    assert "Nothing is pending" in told.reason


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
    location.inserting("D001")
    told = tick(sensor, location.instance, told.cursor)

    assert told.asked == ["D001", "D002"]
    assert told.requests[0].run_key != first.requests[0].run_key
    assert location.run(*told.asked).success
    assert "Nothing is pending" in tick(sensor, location.instance, told.cursor).reason


def test_the_same_migrations_have_the_same_run_key_even_if_the_cursor_is_lost(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")

    keys = {
        tick(sensor_of(sqlite_location), sqlite_location.instance, cursor).requests[0].run_key
        for cursor in (None, "?", "7", '{"a": 1}', "[1]")
    }

    assert len(keys) == 1


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
