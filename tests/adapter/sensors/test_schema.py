"""What Alembic has applied, as the run-history sensor reports it to Dagster."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, SensorDefinition

from delembic_dagster import DagsterDelembicTranslator, build_delembic_run_history_sensor
from delembic_dagster.testing.job_run import plain
from support.dagster_location import Location
from support.projects import ProjectFolder
from support.ticking import Tick, evaluate, tick

SCRIPT = '''
    """{message}"""

    revision = "{name}"
    down_revision = {below!r}


    def upgrade():
        pass
'''
MATERIALIZATION = "Materialization"


def sensor_of(
    location: Location, name: str = "history", translator: DagsterDelembicTranslator | None = None
) -> SensorDefinition:
    return build_delembic_run_history_sensor(location.project, name=name, translator=translator)


def apply_schema(folder: ProjectFolder, name: str) -> None:
    """Do what Alembic would do to its table."""
    folder.execute(
        "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32))",
        "DELETE FROM alembic_version",
        f"INSERT INTO alembic_version VALUES ('{name}')",
    )


def descriptions(told: Tick) -> Sequence[str | None]:
    return [each.description for each in told.events if isinstance(each, AssetMaterialization)]


@pytest.fixture
def location(sqlite_location: Location) -> Location:
    """A project with two revisions of Alembic, and a migration that waits for each."""
    folder = sqlite_location.folder
    folder.configure(alembic_config="alembic.ini")
    folder.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
    folder.write(
        "schema/versions/s1.py", SCRIPT.format(name="S001", below=None, message="The tables.")
    )
    folder.write(
        "schema/versions/s2.py", SCRIPT.format(name="S002", below="S001", message="The keys.")
    )
    sqlite_location.inserting("D001", "S001")
    sqlite_location.inserting("D002", "D001", "S002")
    return sqlite_location


def test_a_revision_is_reported_once_when_it_is_applied_with_its_message(
    location: Location,
) -> None:
    sensor = sensor_of(location)
    told = tick(sensor, location.instance)
    assert (told.events, told.reason) == ([], "Nothing new.")

    apply_schema(location.folder, "S001")
    told = tick(sensor, location.instance, told.cursor)

    (event,) = told.events
    assert event.asset_key == AssetKey(["alembic", "S001"])
    assert event.description == "The tables."
    assert plain(event.metadata) == {
        "schema_revision": "S001",
        "status": "applied",
        "schema_message": "The tables.",
    }
    assert told.reason == "Applied by Alembic: S001. Nothing new."
    assert tick(sensor, location.instance, told.cursor).events == []
    apply_schema(location.folder, "S002")
    assert descriptions(tick(sensor, location.instance, told.cursor)) == ["The keys."]
    assert tick(sensor, location.instance, told.cursor).events == []


def test_lost_cursors_and_other_sensors_report_no_revision_twice(location: Location) -> None:
    apply_schema(location.folder, "S002")
    one, two = sensor_of(location, "one"), sensor_of(location, "two")

    by_one = evaluate(one, location.instance, None)

    assert by_one.shown == [("S001", MATERIALIZATION), ("S002", MATERIALIZATION)]
    assert evaluate(two, location.instance, None).events == []
    for event in by_one.events:
        location.instance.report_runless_asset_event(event)
    assert tick(one, location.instance).events == []
    assert tick(two, location.instance).events == []


def test_revisions_come_before_the_migrations_that_waited_for_them(location: Location) -> None:
    apply_schema(location.folder, "S002")
    location.folder.upgrade()

    told = tick(sensor_of(location), location.instance)

    assert [name for name, _ in told.shown] == ["S001", "S002", "D001", "D002"]


def test_a_revision_is_found_under_whatever_key_it_has(location: Location) -> None:
    apply_schema(location.folder, "S001")
    translator = DagsterDelembicTranslator(key_prefix="shop")

    (event,) = tick(sensor_of(location, translator=translator), location.instance).events

    assert event.asset_key == AssetKey(["shop", "alembic", "S001"])


def test_nothing_is_reported_of_revisions_that_have_no_assets(location: Location) -> None:
    apply_schema(location.folder, "S002")

    translator = DagsterDelembicTranslator(schema_assets=False)

    assert tick(sensor_of(location, translator=translator), location.instance).events == []


def test_without_alembic_nothing_is_read_or_reported(
    sqlite_location: Location, instance: DagsterInstance
) -> None:
    sqlite_location.inserting("D001", "S001")
    apply_schema(sqlite_location.folder, "S001")

    assert tick(sensor_of(sqlite_location), instance).events == []


def test_alembic_is_not_asked_once_all_revisions_are_reported(location: Location) -> None:
    apply_schema(location.folder, "S002")
    sensor = sensor_of(location)
    assert len(tick(sensor, location.instance).events) == 2
    location.folder.write("schema/versions/s3.py", "raise SystemExit('it was executed')")

    assert tick(sensor, location.instance).events == []


def test_faulty_files_of_alembic_do_not_keep_the_rest_from_being_reported(
    location: Location, capfd: pytest.CaptureFixture[str]
) -> None:
    location.inserting("D003")
    location.folder.upgrade("D003")
    location.folder.write("schema/versions/s3.py", "import long_gone")

    told = tick(sensor_of(location), location.instance)

    assert told.shown == [("D003", MATERIALIZATION)]
    assert "Alembic's revisions are not reported. Alembic cannot read" in capfd.readouterr().err
