"""The sensor that reports to Dagster what was run outside of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions, SensorDefinition

from delembic import LogEntry, commands
from delembic.errors import DatabaseUnavailableError
from delembic_dagster import (
    DelembicProject,
    build_delembic_defs,
    build_delembic_run_history_sensor,
)
from delembic_dagster.testing.job_run import plain
from support.audit_rows import FAILED, THEN, record, record_as_1
from support.dagster_location import Location, key
from support.projects import ProjectFolder
from support.shell import run_process
from support.ticking import evaluate, tick

MATERIALIZATION, OBSERVATION = "Materialization", "Observation"


def sensor_of(location: Location, name: str = "history", **options: Any) -> SensorDefinition:
    return build_delembic_run_history_sensor(location.project, name=name, **options)


def row(id_: int, status: str = "success", revision: str = "D001") -> LogEntry:
    return LogEntry(
        id_, revision, status, THEN, attempt_id=f"run-{id_}", executor="cli", attempt=id_
    )


def count(instance: DagsterInstance, revision: str, kind: str = MATERIALIZATION) -> int:
    fetch = (
        instance.fetch_materializations if kind == MATERIALIZATION else instance.fetch_observations
    )
    return len(fetch(key(revision), limit=1000).records)


def test_command_line_runs_are_reported_once_in_the_order_of_dependencies(
    sqlite_location: Location,
) -> None:
    # Alphabetical order is not the order of dependencies.
    sqlite_location.inserting("D002")
    sqlite_location.inserting("D001", "D002", validate="pass")
    sqlite_location.folder.migration("D003", "raise ValueError('no rows')", depends_on=("D001",))
    sensor = sensor_of(sqlite_location)
    empty = tick(sensor, sqlite_location.instance)
    assert empty.events == []

    assert run_process("upgrade", cwd=sqlite_location.folder.root).exit_code == 1
    told = tick(sensor, sqlite_location.instance, empty.cursor)

    assert told.shown == [
        ("D002", MATERIALIZATION),
        ("D001", MATERIALIZATION),
        ("D001", "CheckEvaluation"),
        ("D003", OBSERVATION),
    ]
    assert "D002, D001, D003" in told.reason
    after = tick(sensor, sqlite_location.instance, told.cursor)
    assert (after.events, after.reason) == ([], "Nothing new.")


def test_attempts_of_another_work_database_in_the_same_log_are_left_out(
    sqlite_location: Location, tmp_path: Path
) -> None:
    log = f"sqlite:///{tmp_path / 'log.sqlite'}"
    other = ProjectFolder(tmp_path / "other", f"sqlite:///{tmp_path / 'other.sqlite'}")
    for folder in (other, sqlite_location.folder):
        folder.configure(metadata_url=log)
        folder.migration("D001")
    other.upgrade()
    sensor = sensor_of(sqlite_location)
    before = tick(sensor, sqlite_location.instance)
    sqlite_location.folder.upgrade()

    after = tick(sensor, sqlite_location.instance, before.cursor)

    assert (before.events, after.shown) == ([], [("D001", MATERIALIZATION)])


def test_an_event_has_what_the_migration_told(sqlite_location: Location) -> None:
    sqlite_location.folder.migration("D001", "return {'loaded': 3}")
    run_process("upgrade", cwd=sqlite_location.folder.root)

    (applied,) = tick(sensor_of(sqlite_location), sqlite_location.instance).events

    assert plain(applied.metadata)["loaded"] == 3


def test_an_event_has_the_data_of_the_audit_log(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.folder.migration("D002", "raise ValueError('no rows')")
    run_process("upgrade", cwd=sqlite_location.folder.root)

    told = tick(sensor_of(sqlite_location), sqlite_location.instance)

    applied, failed = told.events
    first, second = sqlite_location.folder.attempts()
    facts = plain(applied.metadata)
    assert facts["status"] == "applied"
    assert facts["duration_seconds"] == round(first.duration_seconds, 3)
    assert (facts["history_id"], facts["attempt"], facts["rows_affected"]) == (first.id, 1, 1)
    assert facts["executor"] == "cli"
    assert f"pid {first.pid}" in facts["run_by"]
    assert facts["applied_at"] == facts["ended_at"]
    assert (applied.tags or {})["dagster/data_version"] == first.checksum  # type: ignore[union-attr]  # a materialization
    facts = plain(failed.metadata)
    assert (facts["status"], facts["error"]) == ("failed", "ValueError: no rows")
    assert facts["history_id"] == second.id
    assert "applied_at" not in facts


def test_a_long_error_is_cut(sqlite_location: Location) -> None:
    sqlite_location.folder.migration("D001", "raise ValueError('x' * 10_000)")
    run_process("upgrade", cwd=sqlite_location.folder.root)

    (failed,) = tick(sensor_of(sqlite_location), sqlite_location.instance).events

    assert len(plain(failed.metadata)["error"]) == 4_000


def test_runs_of_this_dagster_are_not_reported_again(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.folder.migration("D002", "1/0")
    sqlite_location.run()

    assert tick(sensor_of(sqlite_location), sqlite_location.instance).events == []


def test_runs_of_another_dagster_are_reported(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    with DagsterInstance.ephemeral() as elsewhere:
        Location(sqlite_location.folder, elsewhere).run()

    told = tick(sensor_of(sqlite_location), sqlite_location.instance)

    assert told.shown == [("D001", MATERIALIZATION)]
    assert plain(told.events[0].metadata)["executor"] == "dagster"


def test_a_success_is_reported_if_its_own_run_died_before_reporting_it(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    ran = sqlite_location.run()
    sqlite_location.instance.wipe_assets([key("D001")])

    told = tick(sensor_of(sqlite_location), sqlite_location.instance)

    assert ran.success
    assert told.shown == [("D001", MATERIALIZATION)]


def test_what_a_step_found_already_applied_is_not_reported_again(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.folder.upgrade()
    sqlite_location.run()

    assert tick(sensor_of(sqlite_location), sqlite_location.instance).events == []


def test_restarts_and_other_sensors_and_lost_cursors_report_nothing_twice(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.folder.migration("D002", "1/0")
    run_process("upgrade", cwd=location.folder.root)

    first = tick(sensor_of(location, "one"), location.instance)
    assert len(first.events) == 2
    for name, cursor in [
        ("one", first.cursor),
        ("one", None),
        ("one", "what nobody can read"),
        ("two", None),
    ]:
        assert tick(sensor_of(location, name), location.instance, cursor).events == []
    assert count(location.instance, "D001") == 1
    assert count(location.instance, "D002", OBSERVATION) == 1


def test_a_daemon_that_dies_before_it_writes_the_cursor_reports_the_rest_later(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    for revision in ("D001", "D002", "D003"):
        location.inserting(revision)
    location.folder.upgrade()
    sensor = sensor_of(location)
    for event in evaluate(sensor, location.instance, None).events[:2]:
        location.instance.report_runless_asset_event(event)

    assert tick(sensor, location.instance).shown == [("D003", MATERIALIZATION)]


def test_two_sensors_evaluated_at_the_same_time_report_an_attempt_once(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.folder.upgrade()
    one, two = sensor_of(location, "one"), sensor_of(location, "two")

    by_one = evaluate(one, location.instance, None)
    by_two = evaluate(two, location.instance, None)

    assert (len(by_one.events), len(by_two.events)) == (1, 0)
    # If the first had not reported it, the second would look at it again.
    location.instance.report_runless_asset_event(by_one.events[0])
    assert tick(two, location.instance, by_two.cursor).events == []


def test_an_attempt_is_reported_even_if_it_ends_after_later_ones(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    for revision in ("D001", "D002"):
        location.inserting(revision)
    record(location.folder, row(1, "running", "D001"), row(2, "success", "D002"))
    sensor = sensor_of(location)

    told = tick(sensor, location.instance)
    assert told.shown == [("D002", MATERIALIZATION)]
    location.folder.execute("UPDATE delembic_run_history SET status = 'interrupted' WHERE id = 1")
    told = tick(sensor, location.instance, told.cursor)
    assert told.shown == [("D001", OBSERVATION)]
    # A server may still complete a commit whose client has died.
    location.folder.execute("UPDATE delembic_run_history SET status = 'success' WHERE id = 1")
    assert tick(sensor, location.instance, told.cursor).shown == [("D001", MATERIALIZATION)]


def test_a_log_entry_that_becomes_visible_late_is_reported(sqlite_location: Location) -> None:
    location = sqlite_location
    for revision in ("D001", "D002"):
        location.inserting(revision)
    record(location.folder, row(8, revision="D002"))
    sensor = sensor_of(location)
    told = tick(sensor, location.instance)

    record(location.folder, row(7, revision="D001"))

    assert tick(sensor, location.instance, told.cursor).shown == [("D001", MATERIALIZATION)]


def test_a_long_history_starts_with_the_current_state_in_bounded_ticks(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.inserting("D002")
    old = [row(n, "failed", "D001") for n in range(1, 801)]
    recent = [row(n, "failed", "D002") for n in range(802, 1001)]
    record(location.folder, *old, row(801, "success", "D001"), *recent)
    sensor = sensor_of(location, batch_size=40)
    sizes, cursor = [], None
    for _ in range(4):
        told = tick(sensor, location.instance, cursor)
        sizes.append(len(told.events))
        cursor = told.cursor

    assert sum(sizes) == 101
    assert max(sizes) <= 42
    assert sizes[-1] == 0
    assert count(location.instance, "D001") == 1
    assert count(location.instance, "D001", OBSERVATION) == 0
    assert count(location.instance, "D002", OBSERVATION) == 100


def test_a_revision_without_a_file_or_an_asset_is_left_out(sqlite_location: Location) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.inserting("D002")
    record(location.folder, row(1), row(2, revision="D002"), row(3, revision="GONE"))

    sensor = build_delembic_run_history_sensor(location.project, select="D002")
    told = tick(sensor, location.instance)

    assert told.shown == [("D002", MATERIALIZATION)]
    assert tick(sensor, location.instance, told.cursor).reason == "Nothing new."


def test_a_file_newer_than_the_definitions_is_reported_after_a_reload(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    old = sensor_of(location)
    location.inserting("D002")
    location.folder.upgrade()

    told = tick(old, location.instance)
    assert told.shown == [("D001", MATERIALIZATION)]
    assert "Reload the code location: it does not know D002 yet." in told.reason
    told = tick(old, location.instance, told.cursor)
    assert "does not know D002" in told.reason
    told = tick(sensor_of(location), location.instance, told.cursor)
    assert told.shown == [("D002", MATERIALIZATION)]


def test_a_file_corrected_after_the_definitions_were_loaded_is_read_again(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.folder.migration("D001", "1/0", validate="pass")
    location.folder.migration("D002", "1/0", validate="pass")
    old = sensor_of(location)
    location.inserting("D001", validate="pass")
    location.inserting("D002")
    location.folder.upgrade()

    told = tick(old, location.instance)

    assert told.shown == [
        ("D001", MATERIALIZATION),
        ("D001", "CheckEvaluation"),
        ("D002", MATERIALIZATION),
    ]
    assert "changed" not in plain(told.events[0].metadata)
    assert "Reload the code location: it has an older version of D001, D002." in told.reason
    assert "Reload" not in tick(old, location.instance, told.cursor).reason


def test_a_changed_file_is_reported_but_its_check_is_not(sqlite_location: Location) -> None:
    location = sqlite_location
    location.inserting("D001", validate="pass")
    location.folder.upgrade()
    applied = location.folder.checksum("D001")
    location.inserting("D001", validate="pass", head="# an afterthought")

    told = tick(sensor_of(location), location.instance)

    assert told.shown == [("D001", MATERIALIZATION)]
    facts = plain(told.events[0].metadata)
    assert facts["changed"] is True
    assert facts["applied_checksum"] == applied
    assert facts["file_checksum"] == location.folder.checksum("D001")


def test_other_line_ends_are_no_change(sqlite_location: Location) -> None:
    location = sqlite_location
    location.inserting("D001", validate="pass")
    now = location.folder.checksum("D001")
    location.folder.upgrade()
    path = location.folder.versions / "D001.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    of_bytes = location.folder.checksum("D001")  # as earlier versions recorded it
    location.folder.execute(f"UPDATE delembic_run_history SET checksum = '{of_bytes}'")

    told = tick(sensor_of(location), location.instance)

    assert told.shown == [("D001", MATERIALIZATION), ("D001", "CheckEvaluation")]
    assert "changed" not in plain(told.events[0].metadata)
    tags = told.events[0].tags or {}  # type: ignore[union-attr]  # a materialization
    assert (tags["dagster/data_version"], tags["dagster/code_version"]) == (now, now)


def test_an_accepted_file_is_reported_with_its_versions_and_without_a_check(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001", validate="pass")
    location.inserting("D002", "D001")
    location.folder.upgrade()
    before = tick(sensor_of(location), location.instance)
    location.inserting("D001", validate="pass", head="# reformatted")
    commands.accept(location.folder.config, ["D001"])

    told = tick(sensor_of(location), location.instance, before.cursor)

    assert told.shown == [("D001", MATERIALIZATION)]
    (event,) = told.events
    assert event.description
    assert event.description.startswith("Its file was accepted as it was by ")
    facts, now = plain(event.metadata), location.folder.checksum("D001")
    assert (facts["status"], "changed" in facts) == ("already_applied", False)
    tags = event.tags or {}  # type: ignore[union-attr]  # a materialization
    assert (tags["dagster/data_version"], tags["dagster/code_version"]) == (now, now)
    assert tick(sensor_of(location), location.instance, told.cursor).events == []


def test_a_cleared_cursor_reports_neither_an_attempt_nor_an_acceptance_again(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.folder.upgrade()
    location.inserting("D001", head="# reformatted")
    commands.accept(location.folder.config, ["D001"])

    first = tick(sensor_of(location), location.instance)

    assert first.shown == [("D001", MATERIALIZATION)] * 2
    assert tick(sensor_of(location), location.instance).events == []


def test_a_database_that_does_not_answer_fails_the_tick(
    files: ProjectFolder, instance: DagsterInstance
) -> None:
    files.migration("D001")
    sensor = build_delembic_run_history_sensor(DelembicProject(files.root))

    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1") as caught:
        tick(sensor, instance)

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_attempts_in_a_recreated_database_are_reported_despite_the_same_ids(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.folder.upgrade()
    sensor = sensor_of(location)
    told = tick(sensor, location.instance)
    location.folder.execute("DELETE FROM delembic_run_history", "DELETE FROM delembic_version")
    location.folder.upgrade()

    assert tick(sensor, location.instance, told.cursor).shown == [("D001", MATERIALIZATION)]


def test_log_entries_of_delembic_1_are_reported_with_what_they_contain(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.inserting("D002")
    record_as_1(location.folder, row(1), FAILED)

    told = tick(sensor_of(location), location.instance)

    assert told.shown == [("D001", MATERIALIZATION), ("D002", OBSERVATION)]
    assert "run_id" not in plain(told.events[0].metadata)


def test_the_definitions_have_both_sensors_by_default(files: ProjectFolder) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)

    definitions = build_delembic_defs(project)

    Definitions.validate_loadable(definitions)
    assert sorted(sensor.name for sensor in definitions.sensors or []) == [
        "delembic_upgrade_pending_sensor",
        "delembic_upgrade_run_history_sensor",
    ]
    assert not list(build_delembic_defs(project, sensors=False).sensors or [])
