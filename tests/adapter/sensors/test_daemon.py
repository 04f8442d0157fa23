"""The sensors in Dagster's daemon, which records what they return and stores their cursors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterInstance, EventLogRecord

from delembic_dagster.testing.job_run import plain
from support.dagster_dev import PATIENCE_SECONDS, dagster_dev
from support.dagster_location import INSERT, key
from support.projects import ProjectFolder
from support.shell import TESTS, run_process, wait_until

DEFINITIONS = """\
from pathlib import Path
from dagster import DefaultSensorStatus, Definitions
from delembic_dagster import (
    DelembicProject,
    build_delembic_assets,
    build_delembic_job,
    build_delembic_pending_sensor,
    build_delembic_run_history_sensor,
)
project = DelembicProject(Path(__file__).parent)
job = build_delembic_job(project)
often = {"minimum_interval_seconds": 1, "default_status": DefaultSensorStatus.RUNNING}
defs = Definitions(
    assets=build_delembic_assets(project),
    jobs=[job],
    sensors=[
        build_delembic_run_history_sensor(project, name="history", **often),
        build_delembic_pending_sensor(project, name="pending", job=job, **often),
    ],
)
"""

ANOTHER_LOCATION = """\
from pathlib import Path
from dagster import DefaultSensorStatus, Definitions
from delembic_dagster import DelembicProject, build_delembic_run_history_sensor
project = DelembicProject(Path(__file__).parent)
often = {"minimum_interval_seconds": 1, "default_status": DefaultSensorStatus.RUNNING}
defs = Definitions(
    sensors=[build_delembic_run_history_sensor(project, name="another_history", **often)]
)
"""

WORKSPACE = """\
load_from:
  - python_file: definitions.py
  - python_file: another_location.py
"""

SENSORS = {"history", "another_history", "pending"}


@dataclass
class Deployment:
    """A project in two code locations, with running sensors, and its Dagster."""

    folder: ProjectFolder
    home: Path

    @contextmanager
    def running(self) -> Iterator[DagsterInstance]:
        """Run Dagster with its daemon, and yield the instance that records."""
        environment = {"PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "ignore"}
        with (
            dagster_dev(self.folder.root, self.home, environment),
            DagsterInstance.from_config(str(self.home)) as instance,
        ):
            yield instance

    def upgrade(self, target: str) -> None:
        assert run_process("upgrade", target, cwd=self.folder.root).exit_code == 0

    def migration(self, revision: str, *depends_on: str) -> None:
        self.folder.migration(revision, INSERT.format(revision), depends_on=depends_on)


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str) -> Deployment:
    folder = ProjectFolder(tmp_path / "project", sqlite_url)
    folder.execute("CREATE TABLE t (name VARCHAR(20))")
    folder.write("definitions.py", DEFINITIONS)
    folder.write("another_location.py", ANOTHER_LOCATION)
    folder.write("workspace.yaml", WORKSPACE)
    return Deployment(folder, tmp_path / "dagster_home")


@pytest.mark.long
def test_the_daemon_reports_command_line_runs_and_runs_what_is_pending_exactly_once(
    deployment: Deployment,
) -> None:
    deployment.migration("D001")
    deployment.migration("D002", "D001")
    deployment.upgrade("D001")

    with deployment.running() as instance:
        ran = await_materialization(instance, "D002")
        shown = await_materialization(instance, "D001")
        await_ticks(instance, since=max(ran.timestamp, shown.timestamp))

    assert (told(shown), shown.run_id) == (("applied", "cli", 1), "")
    assert told(ran) == ("applied", "dagster", 2)

    # Everything is restarted, and continues from its cursors and events.
    deployment.migration("D003", "D002")
    deployment.upgrade("D003")
    with deployment.running() as instance:
        later = await_materialization(instance, "D003")
        await_ticks(instance, since=later.timestamp)

        assert told(later) == ("applied", "cli", 3)
        once = [[shown.storage_id], [ran.storage_id], [later.storage_id]]
        assert [ids(instance, f"D00{number}") for number in (1, 2, 3)] == once
        assert [run.run_id for run in instance.get_runs()] == [ran.run_id]
    assert [row.name for row in deployment.folder.rows("SELECT name FROM t ORDER BY name")] == [
        "D001",
        "D002",
        "D003",
    ]


def told(record: EventLogRecord) -> tuple[object, ...]:
    """The status, the executor and the log entry in the metadata of a materialization."""
    assert record.asset_materialization
    facts = plain(record.asset_materialization.metadata)
    return facts["status"], facts["executor"], facts["history_id"]


def materialized(instance: DagsterInstance, revision: str) -> list[EventLogRecord]:
    return [*instance.fetch_materializations(key(revision), limit=10).records]


def ids(instance: DagsterInstance, revision: str) -> list[int]:
    return [record.storage_id for record in materialized(instance, revision)]


def await_materialization(instance: DagsterInstance, revision: str) -> EventLogRecord:
    wait_until(lambda: bool(materialized(instance, revision)), PATIENCE_SECONDS)
    return materialized(instance, revision)[0]


def await_ticks(instance: DagsterInstance, since: float) -> None:
    """Wait until each sensor has ticked once more, and its events are recorded."""

    def has_looked() -> set[str]:
        return {
            state.instigator_name
            for state in instance.all_instigator_state()
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=5)
            if tick.timestamp > since and tick.is_completed
        }

    wait_until(lambda: has_looked() >= SENSORS, PATIENCE_SECONDS)
