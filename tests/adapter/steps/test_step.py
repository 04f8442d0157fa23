"""How a step reports an attempt: lines in its log, and failures that fit in an event log."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckSeverity, DagsterInstance, RetryPolicy

from delembic_dagster import build_delembic_run_history_sensor
from delembic_dagster.testing import JobRun
from delembic_dagster.testing.job_run import plain
from support.dagster_location import Location
from support.projects import GATES
from support.ticking import tick

ANY = Path("any.ini")


def log_lines(instance: DagsterInstance, ran: JobRun, level: int) -> list[str]:
    return [
        entry.user_message
        for entry in instance.all_logs(ran.run_id)
        if not entry.is_dagster_event and int(entry.level) >= level
    ]


def test_a_step_names_the_lock_holder_and_continues_when_the_lock_is_free(
    tmp_path: Path, location: Location
) -> None:
    location.folder.migration(
        "D001", "GATES['at work'].set(); assert GATES['go on'].wait(PATIENCE_SECONDS)"
    )
    GATES.pop("at work", None)
    GATES.pop("go on", None)
    with (
        ThreadPoolExecutor() as pool,
        DagsterInstance.local_temp(str(tmp_path)) as instance,
    ):
        first = pool.submit(location.folder.upgrade)
        assert GATES["at work"].wait(30)
        pool.submit(_open_when_waiting, instance)
        ran = Location(location.folder, instance).run()
        first.result()
        warnings = log_lines(instance, ran, 30)

    assert len(warnings) == 1
    assert "Waiting for D001, whose lock is held by" in warnings[0]
    assert "(python) since" in warnings[0]
    assert ran.materialized()["D001"]["status"] == "already_applied"
    assert location.folder.statuses() == ["success"]


def _open_when_waiting(instance: DagsterInstance) -> None:
    """Let the lock holder continue as soon as the step has logged that it waits."""
    pause = threading.Event()
    try:
        for _ in range(600):
            logs = [log for run in instance.get_runs() for log in instance.all_logs(run.run_id)]
            if any("Waiting for" in log.user_message for log in logs):
                return
            pause.wait(0.05)
    finally:
        GATES["go on"].set()


def test_a_step_that_waits_too_long_fails_and_may_be_retried(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration(
        "D001", "GATES['busy'].set(); assert GATES['free'].wait(PATIENCE_SECONDS)"
    )
    sqlite_location.folder.configure(lock_timeout="0")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(sqlite_location.folder.upgrade)
        assert GATES["busy"].wait(30)
        ran = sqlite_location.run(retry_policy=RetryPolicy(max_retries=1))
        GATES["free"].set()
        first.result()

    assert "The lock of D001 is held by" in ran.failure("D001").description
    assert ran.started() == ["D001"]
    assert "STEP_UP_FOR_RETRY" in {event.event_type_value for event in ran.result.all_events}


def test_a_step_reports_that_a_migration_ended_its_transaction(sqlite_location: Location) -> None:
    sqlite_location.folder.migration("D001", "conn.commit()")

    ran = sqlite_location.run()

    assert log_lines(sqlite_location.instance, ran, 30) == [
        "D001 ended its transaction itself, so delembic could not have rolled back all of its work."
    ]


def test_a_step_settles_a_dead_attempt_and_reports_it(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.run()
    sqlite_location.folder.execute(
        "UPDATE delembic_run_history SET status = 'running'", "DELETE FROM delembic_version"
    )

    ran = sqlite_location.run()

    (line,) = log_lines(sqlite_location.instance, ran, 30)
    assert line.startswith("An earlier attempt at D001 died (log entry 1)")
    assert ran.materialized()["D001"]["attempt"] == 2


def test_a_step_reports_that_the_file_of_an_applied_migration_has_changed(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.run()
    sqlite_location.inserting("D001", head="# an afterthought")

    ran = sqlite_location.run()

    assert log_lines(sqlite_location.instance, ran, 30) == [
        "The file of D001 has changed since it was applied, and it is not run again."
        " Restore the file, or write a new migration."
    ]


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_a_validate_that_is_not_known_to_have_passed_is_a_warning_and_blocks_nothing(
    sqlite_location: Location, mode: Any
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", validate="pass")
    sqlite_location.run()
    sqlite_location.inserting("D001", validate="1/0")
    sqlite_location.inserting("D003", "D001")

    ran = sqlite_location.run(mode=mode)

    assert ran.success
    assert ran.checks() == [("D001", False), ("D002", True)]
    warning, passed, _ = ran.result.get_asset_check_evaluations()
    assert warning.severity == AssetCheckSeverity.WARN
    assert "it is not known whether this validate() passed then" in str(warning.description)
    assert passed.description == "It was validated when it was applied; nothing was run this time."
    assert sqlite_location.inserted() == ["D001", "D002", "D003"]


def test_a_check_does_not_have_the_duration_and_rows_of_the_whole_attempt(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001", validate="pass")
    sqlite_location.inserting("D002", validate="pass")
    sqlite_location.folder.upgrade("D001")
    sensor = build_delembic_run_history_sensor(sqlite_location.project)

    _, outside = tick(sensor, sqlite_location.instance).events
    inside, _ = sqlite_location.run("D002").result.get_asset_check_evaluations()

    for evaluation, id_ in ((outside, 1), (inside, 2)):
        said = plain(evaluation.metadata)
        assert (said["history_id"], said["attempt"], said["status"]) == (id_, 1, "applied")
        assert not said.keys() & {"duration_seconds", "rows_affected"}


def test_definitions_older_than_the_file_that_was_applied_do_not_call_it_changed(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration("D001", "1/0", validate="pass")
    old = sqlite_location.definitions()
    sqlite_location.inserting("D001", validate="pass")
    sqlite_location.folder.upgrade()

    ran = sqlite_location.run_definitions(old)

    assert "changed" not in ran.materialized()["D001"]
    assert ran.checks() == [("D001", True)]


def test_what_a_migration_tells_is_metadata_of_its_materialization(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration(
        "D001",
        "self.metadata['source'] = 'a.csv'\nreturn {'loaded': 3, 'delembic/attempt': 99}",
        validate="return",
    )

    ran = sqlite_location.run()

    facts = ran.materialized()["D001"]
    assert (facts["source"], facts["loaded"], facts["attempt"]) == ("a.csv", 3, 1)
    checks = ran.result.get_asset_check_evaluations()
    assert [check.metadata.get("loaded") for check in checks] == [None, None]
