"""Long work as a step: progress that can be plotted, a pause that is no failure, and going on."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from dagster import (
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    Nothing,
    OpExecutionContext,
    Out,
    RetryPolicy,
    job,
    op,
)

from delembic import DelembicError, commands
from delembic_dagster import (
    DelembicProject,
    DelembicResource,
    build_delembic_op_job,
    build_delembic_run_history_sensor,
)
from delembic_dagster.resource import Result
from delembic_dagster.testing import JobRun
from delembic_dagster.testing.job_run import plain
from support.batched import ROWS, counts, fail_after, write_batched
from support.dagster_location import Location, key
from support.ticking import tick

MODES = ["per_migration", "single_step"]


@pytest.fixture
def location(sqlite_location: Location) -> Location:
    """A project with a thousand rows, which D001 counts in ten batches; D002 depends on it."""
    write_batched(sqlite_location.folder, with_rows=True)
    sqlite_location.inserting("D002", "D001")
    return sqlite_location


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that goes on by a second whenever somebody looks at it."""
    seconds = count()
    for module in ("execution.run", "execution.session", "presentation.milestones"):
        monkeypatch.setattr(f"delembic.{module}.monotonic", lambda: float(next(seconds)))
    yield
    monkeypatch.undo()


def observations(instance: DagsterInstance, asset: AssetKey) -> list[dict[str, Any]]:
    """The metadata of an asset's observations, oldest first."""
    records = instance.fetch_observations(asset, limit=100).records
    found = [record.asset_observation for record in reversed(records)]
    return [plain(each.metadata) for each in found if each]


def lines(instance: DagsterInstance, ran: JobRun) -> list[str]:
    return [
        entry.user_message
        for entry in instance.all_logs(ran.run_id)
        if not entry.is_dagster_event and "rows are done" in entry.user_message
    ]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("mode", MODES)
def test_a_step_tells_how_far_it_is_in_its_log_and_in_numbers(
    location: Location, mode: Any
) -> None:
    ran = location.run(mode=mode)

    assert ran.success
    assert counts(location.folder) == {1: ROWS}
    seen = observations(location.instance, key("D001"))
    assert [each["rows_done"] for each in seen] == [*range(100, 1_001, 100)]
    assert seen[3]["percent_done"] == pytest.approx(40.0, abs=0.2)
    assert all(each["rows_per_second"] > 0 for each in seen)
    assert len(lines(location.instance, ran)) == len(seen)
    facts = ran.materialized()["D001"]
    assert (facts["rows_done"], facts["percent_done"], facts["rows_affected"]) == (
        1_000,
        100,
        1_000,
    )
    assert "rows_done" not in ran.materialized()["D002"]


def test_batches_that_are_done_at_once_have_no_line_each(location: Location) -> None:
    ran = location.run()

    assert ran.success
    assert len(lines(location.instance, ran)) < ROWS / 100
    assert len(observations(location.instance, key("D001"))) < ROWS / 100


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("mode", MODES)
def test_a_step_stops_after_its_time_as_paused_and_the_next_run_goes_on(
    location: Location, mode: Any
) -> None:
    write_batched(location.folder, stop_after=4, validate="return")
    ran = location.run(mode=mode, retry_policy=RetryPolicy(max_retries=2))

    failure = ran.failure("D001")
    done = failure.metadata["rows_done"]
    assert 0 < done < ROWS
    assert failure.description.startswith(f"D001 is paused: {done} rows are done")
    assert "The next run goes on from there" in failure.description
    assert (failure.metadata["status"], failure.metadata["held"]) == ("paused", False)
    assert failure.metadata["history_id"] == 1
    assert failure.metadata["percent_done"] == pytest.approx(done / 10, abs=0.2)
    assert ran.materialized() == {}
    assert location.folder.states() == {"D001": "paused", "D002": "blocked"}
    assert location.folder.statuses() == ["paused"]  # and no retry
    (check,) = ran.result.get_asset_check_evaluations()
    assert check.severity == AssetCheckSeverity.WARN
    assert "It was not evaluated. D001 is paused" in str(check.description)

    nights = 1
    while not location.run(mode=mode).success:
        nights += 1

    assert counts(location.folder) == {1: ROWS}
    assert nights > 1
    assert location.folder.statuses("D001") == ["paused"] * nights + ["success"]
    assert location.inserted() == ["D002"]


@pytest.mark.usefixtures("clock")
def test_a_step_of_several_is_not_retried_if_the_time_of_one_was_up(location: Location) -> None:
    write_batched(location.folder, stop_after=4)
    location.folder.migration("D003", "1/0")

    ran = location.run(mode="single_step", retry_policy=RetryPolicy(max_retries=2))

    assert ran.failed() == {"D001", "D003"}
    assert location.folder.statuses() == ["paused", "failed"]


@pytest.mark.usefixtures("clock")
def test_plain_ops_stop_after_their_time_too(location: Location) -> None:
    write_batched(location.folder, stop_after=4)
    ops = build_delembic_op_job(DelembicProject(location.folder.root))

    first = ops.execute_in_process(instance=location.instance, raise_on_error=False)

    assert not first.success
    assert location.folder.states() == {"D001": "paused", "D002": "blocked"}
    assert observations(location.instance, key("D001")) == []


@pytest.mark.usefixtures("clock")
def test_an_op_of_the_users_own_tells_how_far_it_is_and_stops_after_its_time_too(
    location: Location,
) -> None:
    write_batched(location.folder, stop_after=8)

    @op(out=Out(Nothing))
    def migrate(context: OpExecutionContext, delembic: DelembicResource) -> Iterator[Result]:
        yield from delembic.upgrade(context)

    @job(resource_defs={"delembic": DelembicResource(location.folder.root)})
    def nightly() -> None:
        migrate()

    ran = nightly.execute_in_process(instance=location.instance, raise_on_error=False)

    assert not ran.success
    assert location.folder.states() == {"D001": "paused", "D002": "blocked"}
    assert observations(location.instance, key("D001"))[0]["rows_done"] == 100


def test_what_somebody_has_paused_says_how_to_go_on(location: Location) -> None:
    write_batched(location.folder, fail_after(3))
    location.run()
    write_batched(location.folder)
    commands.pause(location.folder.config, "D001")

    ran = location.run()

    failure = ran.failure("D001")
    assert "To go on, run 'delembic resume D001', and start another run." in failure.description
    assert (failure.metadata["status"], failure.metadata["held"]) == ("paused", True)
    assert ran.not_run() == {"D002"}
    commands.resume(location.folder.config, "D001")
    assert location.run().success
    assert counts(location.folder) == {1: ROWS}


def test_a_retry_goes_on_where_the_failure_was(location: Location) -> None:
    write_batched(
        location.folder,
        """
        done = conn.exec_driver_sql('SELECT count(*) FROM counted WHERE n > 0').scalar()
        failures = "SELECT count(*) FROM delembic_run_history WHERE status = 'failed'"
        if done > 300 and not conn.exec_driver_sql(failures).scalar():
            raise ValueError('the source is away')
        """,
    )

    ran = location.run(retry_policy=RetryPolicy(max_retries=1))

    assert ran.success
    assert location.folder.statuses("D001") == ["failed", "success"]
    assert counts(location.folder) == {1: ROWS}
    assert location.inserted() == ["D002"]


def test_a_failure_that_lasts_is_retried_and_then_shows_how_far_it_came(
    location: Location,
) -> None:
    write_batched(location.folder, fail_after(3))

    ran = location.run(retry_policy=RetryPolicy(max_retries=1))

    failure = ran.failure("D001")
    assert location.folder.statuses("D001") == ["failed", "failed"]
    assert 0 < failure.metadata["rows_done"] < ROWS
    assert failure.metadata["rolled_back"] is False
    assert "goes on from there" in failure.description
    write_batched(location.folder)
    assert location.run().success
    assert counts(location.folder) == {1: ROWS}


def test_an_interruption_between_batches_is_recorded_and_the_next_run_goes_on(
    location: Location,
) -> None:
    write_batched(location.folder, fail_after(3, "KeyboardInterrupt"))

    ran = location.run(retry_policy=RetryPolicy(max_retries=2))

    assert not ran.success
    assert location.folder.statuses() == ["interrupted"]
    done = counts(location.folder)[1]
    assert 0 < done < ROWS
    write_batched(location.folder)
    assert location.run().success
    assert counts(location.folder) == {1: ROWS}
    first = observations(location.instance, key("D001"))[-1]
    assert first["rows_done"] == done  # where it goes on is a point in the plot


def test_what_cuts_the_work_may_not_change_and_no_retry_helps(location: Location) -> None:
    write_batched(location.folder, fail_after(3))
    location.run()
    write_batched(location.folder, batches="KeyRanges('counted', where='id > 0')")

    ran = location.run(retry_policy=RetryPolicy(max_retries=2))

    assert "delembic restart D001" in ran.failure("D001").description
    assert ran.failure("D001").metadata["status"] == "not_run"
    retried = [e for e in ran.result.all_events if "RETRY" in e.event_type_value]
    assert retried == []


def _pause(location: Location) -> None:
    commands.pause(location.folder.config, "D001")


def _resume(location: Location) -> None:
    commands.pause(location.folder.config, "D001")
    commands.resume(location.folder.config, "D001")


def _restart(location: Location) -> None:
    commands.restart(location.folder.config, "D001")


@pytest.mark.parametrize("change", [_pause, _resume, _restart])
def test_the_run_history_sensor_reports_a_pause_as_no_success_and_no_command_as_an_attempt(
    location: Location, change: Callable[[Location], None]
) -> None:
    write_batched(location.folder, fail_after(3))
    with pytest.raises(DelembicError):
        location.folder.upgrade()
    sensor = build_delembic_run_history_sensor(location.project)
    first = tick(sensor, location.instance)
    change(location)

    after = tick(sensor, location.instance, first.cursor)

    assert first.shown == [("D001", "Observation")]
    assert (after.events, after.reason) == ([], "Nothing new.")


@pytest.mark.usefixtures("clock")
def test_the_run_history_sensor_shows_a_stop_on_the_command_line_as_an_observation(
    location: Location,
) -> None:
    with pytest.raises(DelembicError):
        location.folder.upgrade(stop_after_seconds=4)

    (stopped,) = tick(build_delembic_run_history_sensor(location.project), location.instance).events

    assert "has stopped before its end, and is paused." in str(stopped.description)
    assert plain(stopped.metadata)["status"] == "paused"
