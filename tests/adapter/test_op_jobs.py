"""The migrations as plain ops, without assets."""

from __future__ import annotations

from dagster import Definitions, JobDefinition, RetryPolicy

from delembic_dagster import DelembicProject, build_delembic_op_job
from delembic_dagster.testing import JobRun
from delembic_dagster.testing.job_run import plain
from support.dagster_location import Location, key
from support.projects import ProjectFolder


def run(location: Location, job: JobDefinition) -> JobRun:
    return JobRun(job.execute_in_process(instance=location.instance, raise_on_error=False))


def outputs(ran: JobRun) -> dict[str, dict[str, object]]:
    """The metadata of each op's output, by revision."""
    return {
        str(event.step_key).removeprefix("delembic__"): plain(event.step_output_data.metadata)
        for event in ran.result.all_events
        if event.is_successful_output
    }


def test_the_job_applies_everything_in_order_and_defines_no_assets(location: Location) -> None:
    location.inserting("D001", "D2")
    location.inserting("D2", validate="pass")

    ran = run(location, build_delembic_op_job(location.project))

    assert ran.success
    assert location.inserted() == ["D2", "D001"]
    assert location.instance.get_asset_keys() == []
    told = outputs(ran)
    assert told["D2"]["status"] == "applied"
    assert told["D2"]["history_id"] == location.folder.attempts("D2")[0].id
    assert {row.executor_run_id for row in location.folder.attempts()} == {ran.run_id}


def test_a_second_run_finds_everything_applied(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.folder.upgrade()

    ran = run(sqlite_location, build_delembic_op_job(sqlite_location.project))

    assert outputs(ran)["D001"]["status"] == "already_applied"
    assert "changed" not in outputs(ran)["D001"]
    assert sqlite_location.inserted() == ["D001"]


def test_an_output_reports_that_a_file_has_changed_since_it_was_applied(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.folder.upgrade()
    sqlite_location.inserting("D001", head="# an afterthought")

    ran = run(sqlite_location, build_delembic_op_job(sqlite_location.project))

    assert outputs(ran)["D001"]["changed"] is True


def test_a_failure_blocks_its_descendants_and_nothing_else(location: Location) -> None:
    location.folder.migration("D001", "1/0")
    location.inserting("D002", "D001")
    location.inserting("D003")

    ran = run(location, build_delembic_op_job(location.project))

    assert ran.failed() == {"D001"}
    assert location.inserted() == ["D003"]
    assert "ZeroDivisionError" in ran.failure("D001").description


def test_two_jobs_can_share_a_code_location(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001")
    project = sqlite_location.project
    first = build_delembic_op_job(project, name="first", select="D001")
    both = build_delembic_op_job(project, name="both")

    definitions = Definitions(jobs=[first, both])

    Definitions.validate_loadable(definitions)
    ran = run(sqlite_location, definitions.resolve_job_def("both"))
    assert ran.started() == ["delembic__D001", "delembic__D002"]


def test_a_migration_whose_dependency_is_left_out_is_blocked(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001")

    ran = run(sqlite_location, build_delembic_op_job(sqlite_location.project, select="D002"))

    told = ran.failure("D002").description
    assert "depends on D001, which is not applied yet" in told
    assert "Run D001 first, in the same run or in another." in told
    assert sqlite_location.folder.statuses() == ["blocked"]


def test_retries_work_as_for_assets(sqlite_location: Location) -> None:
    sqlite_location.folder.migration("D001", "1/0")
    job = build_delembic_op_job(sqlite_location.project, retry_policy=RetryPolicy(max_retries=2))

    run(sqlite_location, job)

    assert sqlite_location.folder.statuses() == ["failed", "failed", "failed"]


def test_it_is_built_without_the_database_and_without_importing_migrations(
    files: ProjectFolder,
) -> None:
    files.migration("D001", head="raise ImportError('must not be imported')")

    job = build_delembic_op_job(DelembicProject(files.root), name="nightly")

    assert job.name == "nightly"
    assert [node.name for node in job.nodes] == ["delembic__D001"]


def test_the_job_and_the_assets_of_a_project_can_share_a_code_location(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    definitions = sqlite_location.definitions()

    definitions = definitions.merge(
        definitions, type(definitions)(jobs=[build_delembic_op_job(sqlite_location.project)])
    )

    assert definitions.resolve_job_def("delembic_upgrade_ops").name == "delembic_upgrade_ops"
    assert definitions.resolve_asset_graph().get_all_asset_keys() == {key("D001")}
