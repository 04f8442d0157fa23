"""The definitions of a whole code location, in one call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetSpec,
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    HookContext,
    ScheduleDefinition,
    failure_hook,
    multiprocess_executor,
)

from delembic import ConfigurationError
from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicTranslatorData,
    build_delembic_defs,
    build_delembic_job,
    build_delembic_op_job,
)
from delembic_dagster.assets import Mode
from support.batched import ROWS, counts, write_batched
from support.dagster_location import Location, key
from support.projects import ProjectFolder
from support.shell import TESTS

PATIENCE_SECONDS = 90
DEFINITIONS = """
from pathlib import Path
from delembic_dagster import DelembicProject, build_delembic_defs
defs = build_delembic_defs(DelembicProject(Path(__file__).parent))
"""


@pytest.fixture
def command_line(sqlite_location: Location) -> CommandLine:
    """Dagster's own command line, with a definitions.py of three lines."""
    sqlite_location.folder.write("definitions.py", DEFINITIONS)
    home = sqlite_location.folder.root / "home"
    home.mkdir()
    (home / "dagster.yaml").touch()
    return CommandLine(sqlite_location.folder.root, home)


class CommandLine:
    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.root,
            env=os.environ | {"DAGSTER_HOME": str(self.home), "PYTHONPATH": str(TESTS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, output
        return output


def test_definitions_load_without_the_database_and_without_importing_migrations(
    files: ProjectFolder,
) -> None:
    files.migration("D001", validate="pass", head="raise ImportError('must not be imported')")
    files.migration("D002", depends_on=("D001",), head="import a_package_that_is_long_gone")

    definitions = build_delembic_defs(DelembicProject(files.root), cron="0 5 * * *")

    Definitions.validate_loadable(definitions)
    assert {spec.key for spec in definitions.resolve_all_asset_specs()} == {
        key("D001"),
        key("D002"),
    }


def test_a_project_without_migrations_has_a_job_that_does_nothing(
    sqlite_location: Location,
) -> None:
    definitions = sqlite_location.definitions(cron="0 5 * * *")

    Definitions.validate_loadable(definitions)
    assert sqlite_location.run_definitions(definitions).success


def test_there_is_a_schedule_only_if_cron_is_set(files: ProjectFolder) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)

    assert not list(build_delembic_defs(project).schedules or [])
    (schedule,) = build_delembic_defs(project, cron="0 5 * * *").schedules or []
    assert isinstance(schedule, ScheduleDefinition)
    assert schedule.name == "delembic_upgrade_schedule"


def test_validation_cron_without_validation_checks_is_rejected(files: ProjectFolder) -> None:
    with pytest.raises(ConfigurationError, match="no checks for it to run"):
        build_delembic_defs(
            DelembicProject(files.root), validation_checks=False, validation_cron="0 5 * * *"
        )


def test_the_job_runs_in_one_process_by_default(files: ProjectFolder) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)

    for definitions, executor in (
        (build_delembic_defs(project), "in_process"),
        (build_delembic_defs(project, executor_def=multiprocess_executor), "multiprocess"),
    ):
        assert definitions.resolve_job_def("delembic_upgrade").executor_def.name == executor


def test_assets_materialized_by_hand_use_the_jobs_executor_by_default(
    files: ProjectFolder,
) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)

    ours = build_delembic_defs(project).resolve_implicit_global_asset_job_def()
    joined = Definitions.merge(
        build_delembic_defs(project, default_executor=False),
        Definitions(executor=multiprocess_executor),
    ).resolve_implicit_global_asset_job_def()

    assert ours.executor_def.name == "in_process"
    assert joined.executor_def.name == "multiprocess"


def test_two_projects_can_share_a_code_location(tmp_path: Path, sqlite_location: Location) -> None:
    class Prefixed(DagsterDelembicTranslator):
        def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
            spec = super().get_asset_spec(data)
            return spec.replace_attributes(key=spec.key.with_prefix("second"))

    other = ProjectFolder(tmp_path / "other", f"sqlite:///{tmp_path / 'other.sqlite'}")
    other.migration("D001")
    sqlite_location.inserting("D001")
    definitions = Definitions.merge(
        sqlite_location.definitions(),
        build_delembic_defs(
            DelembicProject(other.root), translator=Prefixed(), job_name="second_upgrade"
        ),
    )

    Definitions.validate_loadable(definitions)
    assert sqlite_location.run_definitions(definitions).success
    assert sqlite_location.run_definitions(definitions, job="second_upgrade").success
    assert other.statuses() == ["success"]


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_two_projects_with_different_revisions_need_only_two_job_names(
    tmp_path: Path, sqlite_location: Location, mode: Mode
) -> None:
    other = ProjectFolder(tmp_path / "other", f"sqlite:///{tmp_path / 'other.sqlite'}")
    other.migration("E001", validate="pass")
    sqlite_location.inserting("D001", validate="pass")
    definitions = Definitions.merge(
        sqlite_location.definitions(mode=mode),
        build_delembic_defs(DelembicProject(other.root), mode=mode, job_name="second"),
    )

    Definitions.validate_loadable(definitions)
    everything = definitions.resolve_implicit_global_asset_job_def()
    assert everything.execute_in_process(instance=sqlite_location.instance).success
    assert sqlite_location.folder.statuses() == ["success"]
    assert other.statuses() == ["success"]
    checked = sqlite_location.run_definitions(definitions, job="second_verify")
    assert checked.checks("validate_again") == [("E001", True)]


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_two_parts_of_one_project_need_only_two_job_names(
    sqlite_location: Location, mode: Mode
) -> None:
    sqlite_location.inserting("D001", validate="pass")
    sqlite_location.inserting("D002", "D001", validate="pass")
    definitions = Definitions.merge(
        sqlite_location.definitions(mode=mode, select="D001"),
        sqlite_location.definitions(mode=mode, select="D002", job_name="second"),
    )

    Definitions.validate_loadable(definitions)
    everything = definitions.resolve_implicit_global_asset_job_def()
    assert everything.execute_in_process(instance=sqlite_location.instance).success
    assert sqlite_location.inserted() == ["D001", "D002"]


@pytest.mark.long
def test_dagsters_command_line_validates_and_runs_three_lines_of_definitions(
    sqlite_location: Location, command_line: CommandLine
) -> None:
    sqlite_location.inserting("D001", validate="pass")
    sqlite_location.inserting("D002", "D001")

    command_line.run("-m", "dagster", "definitions", "validate", "-f", "definitions.py")
    assert sqlite_location.inserted() == []
    output = command_line.run(
        "-m", "dagster", "job", "execute", "-f", "definitions.py", "-j", "delembic_upgrade"
    )

    assert "D002 was applied" in output
    assert sqlite_location.inserted() == ["D001", "D002"]
    with DagsterInstance.local_temp(str(command_line.home)) as instance:
        (run,) = instance.get_runs()
    assert {row.executor_run_id for row in sqlite_location.folder.attempts()} == {run.run_id}


@pytest.mark.long
def test_what_is_already_applied_makes_nothing_out_of_date(
    sqlite_location: Location, command_line: CommandLine
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001")
    with DagsterInstance.local_temp(str(command_line.home)) as instance:
        location = Location(sqlite_location.folder, instance)
        location.run()
        assert location.run("D001").materialized()["D001"]["status"] == "already_applied"

    output = command_line.run(
        *("-c", "from dagster_graphql.cli import main; main()", "-f", "definitions.py"),
        *("-t", "{ assetNodes { id staleStatus } }"),
    )

    assert output.count('"staleStatus": "FRESH"') == 2, output


def _terminate_once_there_is(started: Path, command_line: CommandLine) -> None:
    """Run the job in a process, and interrupt it when its migration says that it has begun."""
    with command_line.start(
        "-m", "dagster", "job", "execute", "-f", "definitions.py", "-j", "delembic_upgrade"
    ) as process:
        while not started.exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode != 0, output


def test_terminating_a_run_rolls_back_and_is_recorded_as_interrupted(
    sqlite_location: Location, command_line: CommandLine
) -> None:
    started = sqlite_location.folder.root / "started"
    sqlite_location.folder.migration(
        "D001",
        f"""
        conn.exec_driver_sql("INSERT INTO t VALUES ('x')")
        open({str(started)!r}, "w").close()
        import time; time.sleep(PATIENCE_SECONDS)
        """,
    )

    _terminate_once_there_is(started, command_line)

    assert sqlite_location.folder.statuses() == ["interrupted"]
    assert sqlite_location.inserted() == []


def test_terminating_a_run_in_a_batch_loses_that_batch_and_the_next_run_goes_on(
    sqlite_location: Location, command_line: CommandLine
) -> None:
    started = sqlite_location.folder.root / "started"
    stay = f"""
        done = conn.exec_driver_sql('SELECT count(*) FROM counted WHERE n > 0').scalar()
        if done > 300:
            open({str(started)!r}, "w").close()
            import time; time.sleep({PATIENCE_SECONDS})
    """
    write_batched(sqlite_location.folder, stay, with_rows=True)

    _terminate_once_there_is(started, command_line)

    assert sqlite_location.folder.statuses() == ["interrupted"]
    assert counts(sqlite_location.folder) == {0: 700, 1: 300}
    write_batched(sqlite_location.folder)
    assert sqlite_location.run().success
    assert counts(sqlite_location.folder) == {1: ROWS}


def test_tags_and_hooks_are_those_of_the_job_and_its_runs(sqlite_location: Location) -> None:
    seen: list[str] = []

    @failure_hook
    def alert(context: HookContext) -> None:
        seen.append(context.op.name)

    sqlite_location.folder.migration("D001", "1/0")
    options: dict[str, Any] = {"tags": {"dagster/max_retries": "2"}, "hooks": {alert}}
    definitions = sqlite_location.definitions(**options)
    alone = build_delembic_job(sqlite_location.project, name="alone", **options)
    ops = build_delembic_op_job(sqlite_location.project, **options)
    everything = Definitions.merge(definitions, Definitions(jobs=[alone, ops]))

    for job in ("delembic_upgrade", "alone", "delembic_upgrade_ops"):
        ran = everything.resolve_job_def(job).execute_in_process(
            instance=sqlite_location.instance, raise_on_error=False
        )
        assert ran.dagster_run.tags["dagster/max_retries"] == "2"
    assert seen == ["delembic__D001", "delembic__D001", "delembic__D001"]


def test_schedules_have_their_times_zone_and_status(files: ProjectFolder) -> None:
    files.migration("D001", validate="pass")

    definitions = build_delembic_defs(
        DelembicProject(files.root),
        cron=["0 5 * * *", "0 17 * * *"],
        validation_cron=["0 1 * * *", "0 2 * * *"],
        execution_timezone="Europe/Berlin",
        schedule_default_status=DefaultScheduleStatus.RUNNING,
    )

    schedules = [
        each for each in definitions.schedules or () if isinstance(each, ScheduleDefinition)
    ]
    assert [each.cron_schedule for each in schedules] == [
        ["0 5 * * *", "0 17 * * *"],
        ["0 1 * * *", "0 2 * * *"],
    ]
    assert {each.execution_timezone for each in schedules} == {"Europe/Berlin"}
    assert {each.default_status for each in schedules} == {DefaultScheduleStatus.RUNNING}
