"""Applied migrations verified by Dagster, which changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    AssetSelection,
    AssetSpec,
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    RetryPolicy,
    ScheduleDefinition,
    build_schedule_context,
    define_asset_job,
    load_asset_checks_from_modules,
    load_assets_from_modules,
    multiprocess_executor,
)

from delembic import DefinitionError
from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicTranslatorData,
    build_delembic_assets,
    build_delembic_defs,
    build_delembic_job,
    build_delembic_validation_checks,
    build_delembic_validation_job,
    build_delembic_validation_schedule,
)
from delembic_dagster.assets import Mode
from delembic_dagster.errors import TranslationError
from delembic_dagster.testing import JobRun
from delembic_dagster.testing.job_run import plain
from support.dagster_location import Location, key
from support.projects import ProjectFolder

ROW = "conn.exec_driver_sql(\"SELECT count(*) FROM t WHERE name = '{}'\").scalar()"
EXPECT = f"assert {ROW} == 1"


def _verify(location: Location, **options: Any) -> JobRun:
    return location.run_definitions(location.definitions(**options), job="delembic_verify")


def _found(ran: JobRun) -> dict[str, AssetCheckEvaluation]:
    return {each.asset_key.path[-1]: each for each in ran.result.get_asset_check_evaluations()}


def _failure(ran: JobRun) -> tuple[str, dict[str, Any]]:
    data = ran.result.failure_data_for_node("delembic__validate_again")
    assert data
    assert data.user_failure_data, data.error
    failure = data.user_failure_data
    return str(failure.description), plain(failure.metadata)


@pytest.fixture
def applied(location: Location) -> Location:
    """Two applied migrations, each of which expects the row that it inserted."""
    return _with_two_applied(location)


@pytest.fixture
def local(sqlite_location: Location) -> Location:
    """A project like `applied`, but on SQLite only, for what does not depend on the database."""
    return _with_two_applied(sqlite_location)


def _with_two_applied(location: Location) -> Location:
    location.inserting("D001", validate=EXPECT.format("D001"))
    location.inserting("D002", "D001", validate=EXPECT.format("D002"))
    location.folder.upgrade()
    return location


def test_the_job_verifies_all_applied_migrations_in_one_step(applied: Location) -> None:
    ran = _verify(applied)

    assert ran.success
    assert ran.started() == ["delembic__validate_again"]
    assert ran.checks("validate_again") == [("D001", True), ("D002", True)]
    assert ran.materialized() == {}


def test_drifted_data_fails_its_check_and_leaves_the_migration_applied(
    applied: Location,
) -> None:
    marks, attempts = applied.folder.marks(), applied.folder.attempts()
    applied.folder.execute("DELETE FROM t WHERE name = 'D001'")

    ran = _verify(applied)

    assert ran.success
    assert ran.checks("validate_again") == [("D001", False), ("D002", True)]
    found = _found(ran)["D001"]
    assert found.severity == AssetCheckSeverity.ERROR
    assert str(found.description).startswith("AssertionError: assert conn.exec_driver_sql(")
    assert "(D001.py:" in str(found.description)
    assert not found.blocking
    assert applied.folder.marks() == marks
    assert applied.folder.attempts()[:2] == attempts
    assert applied.folder.states() == {"D001": "applied", "D002": "applied"}
    assert applied.run().materialized()["D001"]["status"] == "already_applied"


def test_corrected_data_passes_its_check_again(local: Location) -> None:
    local.folder.execute("DELETE FROM t WHERE name = 'D001'")
    _verify(local)
    local.folder.execute("INSERT INTO t VALUES ('D001')")

    assert _verify(local).checks("validate_again") == [("D001", True), ("D002", True)]


def test_the_log_entry_and_the_evaluation_refer_to_each_other(
    applied: Location,
) -> None:
    ran = _verify(applied)

    row = applied.folder.attempts("D001")[-1]
    assert (row.operation, row.status) == ("verify", "success")
    assert (row.executor, row.executor_run_id) == ("dagster", ran.run_id)
    metadata = plain(_found(ran)["D001"].metadata)
    assert 0 <= metadata.pop("duration_seconds") < 30
    assert abs(datetime.now(UTC).timestamp() - metadata.pop("verified_at")) < 60
    assert metadata == {
        "revision": "D001",
        "executor": "dagster",
        "history_id": row.id,
        "changed": False,
        "rolled_back": True,
    }


def test_what_validate_writes_is_rolled_back(applied: Location) -> None:
    applied.inserting("D001", validate="conn.exec_driver_sql(\"INSERT INTO t VALUES ('x')\")")

    found = _found(_verify(applied))["D001"]

    assert found.passed
    assert plain(found.metadata)["changed"] is True
    assert applied.inserted() == ["D001", "D002"]


def test_a_migration_that_is_not_applied_yet_has_no_result(local: Location) -> None:
    local.inserting("D003", validate="raise ValueError('not to be run')")

    ran = _verify(local)

    assert ran.success
    assert ran.checks("validate_again") == [("D001", True), ("D002", True)]
    assert local.folder.attempts("D003") == []


def test_if_nothing_is_applied_nothing_is_run(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001", validate="raise ValueError('not to be run')")

    ran = _verify(sqlite_location)

    assert ran.success
    assert ran.checks("validate_again") == []


def test_a_run_that_applies_a_migration_does_not_verify_it_right_after(local: Location) -> None:
    """Dagster includes all checks of an asset in a run for which only assets are selected."""
    local.inserting("D003", validate="pass")

    ran = local.run("D001", "D003")

    assert ran.checks("validate_again") == [("D003", True), ("D001", True)]
    assert [row.operation for row in local.folder.attempts("D003")] == ["upgrade"]
    assert [row.operation for row in local.folder.attempts("D001")] == ["upgrade", "verify"]


def test_a_single_check_can_be_evaluated(local: Location) -> None:
    job = local.definitions().resolve_job_def("delembic_verify")
    check = AssetCheckKey(key("D002"), "validate_again")

    ran = JobRun(
        job.get_subset(asset_check_selection={check}).execute_in_process(instance=local.instance)
    )

    assert ran.checks("validate_again") == [("D002", True)]
    assert len(local.folder.attempts()) == 3


def test_the_upgrade_job_does_not_verify(local: Location) -> None:
    ran = local.run()

    assert ran.success
    assert ran.started() == ["D001", "D002"]
    assert ran.checks() == [("D001", True), ("D002", True)]
    assert ran.checks("validate_again") == []
    assert len(local.folder.attempts()) == 2


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_the_upgrade_job_tells_that_what_it_has_applied_is_valid(
    sqlite_location: Location, mode: Mode
) -> None:
    sqlite_location.inserting("D001", validate=EXPECT.format("D001"))
    sqlite_location.inserting("D002", "D001")

    ran = sqlite_location.run(mode=mode)

    assert ran.checks() == [("D001", True)]
    assert ran.checks("validate_again") == [("D001", True)]
    told = _found(ran)["D001"]
    assert told.description == "Validated in the transaction that applied it."
    assert plain(told.metadata)["history_id"] == 1
    assert [row.operation for row in sqlite_location.folder.attempts()] == ["upgrade"] * 2


def test_the_upgrade_job_tells_the_last_verification_again(local: Location) -> None:
    local.folder.execute("DELETE FROM t WHERE name = 'D001'")
    found = _found(_verify(local))

    for _ in range(2):
        ran = local.run()

        assert ran.success
        assert ran.checks("validate_again") == [("D001", False), ("D002", True)]
        told = _found(ran)
        for revision in ("D001", "D002"):
            assert told[revision].severity == found[revision].severity
            assert told[revision].description == (
                f"Not verified in this run. The last result: {found[revision].description}"
            )
            facts = [plain(each[revision].metadata)["verified_at"] for each in (found, told)]
            assert facts[0] == facts[1]
    assert len(local.folder.attempts()) == 4


def test_a_verification_that_a_run_planned_but_did_not_do_is_not_told_again(
    local: Location,
) -> None:
    old = local.definitions()
    local.inserting("D002", "D001", validate="pass")  # which fails the verification of all
    assert not local.run_definitions(old, job="delembic_verify").success

    ran = local.run()

    assert ran.success
    assert ran.checks("validate_again") == []


def test_without_the_checks_the_upgrade_job_tells_nothing_of_them(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001", validate="return")

    ran = sqlite_location.run(validation_checks=False)

    assert ran.checks() == [("D001", True)]
    assert ran.checks("validate_again") == []


def test_the_checks_of_a_project_are_listed_in_the_order_in_which_they_are_evaluated(
    local: Location,
) -> None:
    checks = local.definitions().resolve_asset_graph().asset_check_keys

    # Dagster sorts the checks of an asset by their names.
    assert sorted(each.name for each in checks if each.asset_key == key("D001")) == [
        "validate",
        "validate_again",
    ]


def test_a_separately_built_job_can_exclude_the_checks(local: Location) -> None:
    project = local.project
    checks = build_delembic_validation_checks(project)
    definitions = Definitions(
        assets=build_delembic_assets(project),
        asset_checks=checks,
        jobs=[
            build_delembic_job(project, exclude_checks=checks),
            build_delembic_job(project, name="both"),
        ],
    )

    assert local.run_definitions(definitions).checks("validate_again") == []
    both = local.run_definitions(definitions, job="both")
    assert both.checks("validate_again") == [("D001", True), ("D002", True)]


def test_the_severity_of_a_failed_check_can_be_a_warning(local: Location) -> None:
    local.folder.execute("DELETE FROM t")
    checks = build_delembic_validation_checks(
        local.project,
        severity=AssetCheckSeverity.WARN,
        check_name="drift",
        name="verify_shop",
        select="D001",
    )
    job = build_delembic_validation_job(local.project, checks=checks)

    ran = local.run_definitions(
        Definitions(assets=build_delembic_assets(local.project), asset_checks=checks, jobs=[job]),
        job="delembic_verify",
    )

    assert ran.success
    assert ran.started() == ["verify_shop"]
    assert ran.checks("drift") == [("D001", False)]
    assert _found(ran)["D001"].severity == AssetCheckSeverity.WARN


def test_a_server_that_does_not_answer_fails_the_step_and_no_check(
    files: ProjectFolder, instance: DagsterInstance
) -> None:
    files.migration("D001", validate="pass")

    ran = _verify(Location(files, instance))

    description, metadata = _failure(ran)
    assert not ran.success
    assert ran.checks("validate_again") == []
    assert description.startswith("Cannot connect to postgresql+psycopg://nobody@127.0.0.1")
    assert metadata == {"status": "not_verified"}


def test_a_verification_that_could_not_be_done_is_retried_if_a_policy_says_so(
    postgresql_url: str, tmp_path: Path, instance: DagsterInstance
) -> None:
    folder = ProjectFolder(tmp_path / "project", postgresql_url)
    location = Location(folder, instance)
    folder.migration("D001")
    folder.upgrade()
    flag = str(folder.root / "flag")
    folder.migration(
        "D001",
        validate=f"""
        if not os.path.exists({flag!r}):
            open({flag!r}, "w").close()
            from support.sessions import end_all_sessions
            end_all_sessions({postgresql_url!r})
        conn.exec_driver_sql("SELECT 1")
        """,
    )
    project = location.project
    definitions = Definitions(
        assets=build_delembic_assets(project),
        asset_checks=build_delembic_validation_checks(
            project, retry_policy=RetryPolicy(max_retries=1)
        ),
        jobs=[build_delembic_validation_job(project)],
    )

    ran = location.run_definitions(definitions, job="delembic_verify")

    assert ran.checks("validate_again") == [("D001", True)]
    verified = [row.status for row in folder.attempts() if row.operation == "verify"]
    assert verified == ["interrupted", "success"]


def test_a_file_that_changed_after_loading_asks_for_a_reload(local: Location) -> None:
    definitions = local.definitions()
    local.inserting("D002", "D001", validate="pass")

    ran = local.run_definitions(definitions, job="delembic_verify")

    assert ran.checks("validate_again") == []
    assert "reload the code location" in _failure(ran)[0]


def test_a_migration_whose_base_class_has_no_validate_is_left_out(local: Location) -> None:
    local.folder.write(
        "bases.py",
        """
        from delembic import DataMigration
        class Plain(DataMigration):
            def upgrade(self, conn): return
        """,
    )
    local.folder.write(
        "delembic/versions/D003.py",
        """
        from bases import Plain
        class Load(Plain):
            revision = "D003"
            depends_on = []
            description = "load"
        """,
    )
    local.folder.upgrade()

    assert _verify(local).checks("validate_again") == [("D001", True), ("D002", True)]


def test_selected_checks_are_evaluated_in_the_order_of_the_migrations(
    sqlite_location: Location,
) -> None:
    for revision, *depends_on in (("D001", "D9", "D10"), ("D10", "D9"), ("D9",)):
        sqlite_location.inserting(revision, *depends_on, validate="pass")
    sqlite_location.folder.upgrade()

    found = _verify(sqlite_location).checks("validate_again")

    assert [revision for revision, _ in found] == ["D9", "D10", "D001"]


class TestDefinitions:
    def test_the_checks_load_without_the_database_and_without_importing_migrations(
        self, files: ProjectFolder
    ) -> None:
        files.migration("D001", validate="pass", head="raise ImportError('must not be imported')")
        files.migration("D002")

        definitions = build_delembic_defs(DelembicProject(files.root), validation_cron="0 * * * *")

        Definitions.validate_loadable(definitions)
        (checks,) = build_delembic_validation_checks(DelembicProject(files.root))
        assert checks.check_keys == {AssetCheckKey(key("D001"), "validate_again")}
        assert [schedule.name for schedule in definitions.schedules or []] == [
            "delembic_verify_schedule"
        ]

    def test_without_a_validate_there_are_no_checks(self, files: ProjectFolder) -> None:
        files.migration("D001")
        project = DelembicProject(files.root)

        definitions = build_delembic_defs(project, validation_cron="0 * * * *")

        Definitions.validate_loadable(definitions)
        assert build_delembic_validation_checks(project) == []
        assert not list(definitions.schedules or [])
        job = build_delembic_validation_job(project)
        Definitions.validate_loadable(
            Definitions(assets=build_delembic_assets(project), jobs=[job])
        )

    def test_the_checks_can_be_left_out(self, files: ProjectFolder) -> None:
        files.migration("D001", validate="pass")

        definitions = build_delembic_defs(DelembicProject(files.root), validation_checks=False)

        Definitions.validate_loadable(definitions)
        assert [job.name for job in definitions.jobs or []] == ["delembic_upgrade"]

    def test_two_projects_can_share_a_code_location(
        self, tmp_path: Path, sqlite_location: Location
    ) -> None:
        class Prefixed(DagsterDelembicTranslator):
            def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
                spec = super().get_asset_spec(data)
                return spec.replace_attributes(key=spec.key.with_prefix("second"))

        other = ProjectFolder(tmp_path / "other", f"sqlite:///{tmp_path / 'other.sqlite'}")
        for folder in (sqlite_location.folder, other):
            folder.migration("D001", validate="pass")
            folder.upgrade()
        projects = {
            sqlite_location.project: DagsterDelembicTranslator(),
            DelembicProject(other.root): Prefixed(),
        }
        definitions = Definitions(
            assets=[
                asset
                for project, translator in projects.items()
                for asset in build_delembic_assets(project, translator=translator)
            ],
            asset_checks=[
                checks
                for project, translator in projects.items()
                for checks in build_delembic_validation_checks(project, translator=translator)
            ],
            jobs=[
                build_delembic_validation_job(project, name=name, translator=translator)
                for name, (project, translator) in zip("ab", projects.items(), strict=True)
            ],
        )

        ran = [sqlite_location.run_definitions(definitions, job=name) for name in "ab"]

        assert [each.started() for each in ran] == [
            ["delembic__validate_again"],
            ["second__delembic__validate_again"],
        ]
        assert [each.checks("validate_again") for each in ran] == [[("D001", True)]] * 2

    def test_keys_may_get_a_prefix_after_the_checks_were_built(
        self, sqlite_location: Location
    ) -> None:
        sqlite_location.inserting("D001", validate="pass")
        sqlite_location.folder.upgrade()
        module = ModuleType("shop")
        module.migrations = build_delembic_assets(  # type: ignore[attr-defined]
            sqlite_location.project
        )
        (module.again,) = build_delembic_validation_checks(  # type: ignore[attr-defined]
            sqlite_location.project
        )
        checks = load_asset_checks_from_modules([module], asset_key_prefix="shop")
        definitions = Definitions(
            assets=load_assets_from_modules([module], key_prefix="shop"),
            asset_checks=checks,
            jobs=[define_asset_job("verify", AssetSelection.checks(*checks))],
        )

        ran = sqlite_location.run_definitions(definitions, job="verify")

        assert ran.checks("validate_again") == [("D001", True)]

    def test_a_check_name_that_the_translator_already_uses_is_rejected(
        self, files: ProjectFolder
    ) -> None:
        files.migration("D001", validate="pass")

        with pytest.raises(TranslationError, match="already has a check 'validate'"):
            build_delembic_validation_checks(DelembicProject(files.root), check_name="validate")

    def test_an_invalid_selection_is_rejected(self, files: ProjectFolder) -> None:
        files.migration("D001", validate="pass")

        with pytest.raises(DefinitionError, match="tag"):
            build_delembic_validation_checks(DelembicProject(files.root), select="tag:none")

    def test_pool_and_tags_reach_the_op(self, files: ProjectFolder) -> None:
        files.migration("D001", validate="pass")

        (checks,) = build_delembic_validation_checks(
            DelembicProject(files.root), pool="database", op_tags={"size": "small"}
        )

        assert checks.op.pool == "database"
        assert checks.op.tags["size"] == "small"

    def test_the_job_runs_in_one_process_by_default(self, files: ProjectFolder) -> None:
        files.migration("D001", validate="pass")
        project = DelembicProject(files.root)

        assert build_delembic_validation_job(project).executor_def.name == "in_process"
        job = build_delembic_validation_job(project, executor_def=multiprocess_executor)
        assert job.executor_def.name == "multiprocess"


class TestSchedule:
    def test_a_tick_requests_the_whole_job(self, local: Location) -> None:
        definitions = local.definitions(validation_cron="0 * * * *")
        (schedule,) = definitions.schedules or []
        assert isinstance(schedule, ScheduleDefinition)
        context = build_schedule_context(
            instance=local.instance, scheduled_execution_time=datetime.now(UTC)
        )

        data = schedule.evaluate_tick(context)

        (request,) = data.run_requests or []
        assert (schedule.job_name, request.asset_selection) == ("delembic_verify", None)
        ran = local.run_definitions(definitions, job=schedule.job_name)
        assert ran.checks("validate_again") == [("D001", True), ("D002", True)]

    def test_the_schedule_comes_with_its_job_if_none_is_given(self, files: ProjectFolder) -> None:
        files.migration("D001", validate="pass")
        project = DelembicProject(files.root)

        schedule = build_delembic_validation_schedule(
            project,
            ["0 * * * *", "30 * * * *"],
            name="often",
            execution_timezone="Europe/Berlin",
            default_status=DefaultScheduleStatus.RUNNING,
        )

        assert (schedule.name, schedule.job.name) == ("often", "delembic_verify")
        assert schedule.execution_timezone == "Europe/Berlin"
        assert schedule.default_status == DefaultScheduleStatus.RUNNING
        Definitions.validate_loadable(
            Definitions(
                assets=build_delembic_assets(project),
                asset_checks=build_delembic_validation_checks(project),
                schedules=[schedule],
            )
        )


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
@pytest.mark.parametrize("job", ["__ASSET_JOB", "everything"])
def test_a_migration_that_fails_leaves_the_checks_of_all_others_as_they_were(
    local: Location, mode: Mode, job: str
) -> None:
    local.folder.migration("D003", "1/0", validate="pass")
    local.inserting("D004", "D003", validate="pass")
    local.inserting("D005", validate="pass")
    definitions = Definitions.merge(
        local.definitions(mode=mode), Definitions(jobs=[define_asset_job("everything")])
    )

    ran = local.run_definitions(definitions, job=job)

    assert not ran.success
    # What failed says so itself; its descendant has not begun.
    told, *others = ran.checks("validate_again")
    assert told == ("D003", False)
    assert others == [("D005", True), ("D001", True), ("D002", True)]
    warning = _found(ran)["D003"]
    assert warning.severity == AssetCheckSeverity.WARN
    assert str(warning.description).startswith("It was not evaluated. D003 failed in upgrade: ")


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_a_job_can_select_all_checks_and_no_assets(local: Location, mode: Mode) -> None:
    local.inserting("D003", validate="pass")  # it is not applied
    selections = {
        "checks": AssetSelection.all_asset_checks(),
        "assets": AssetSelection.all() - AssetSelection.all_asset_checks(),
    }
    definitions = Definitions.merge(
        local.definitions(mode=mode),
        Definitions(jobs=[define_asset_job(name, each) for name, each in selections.items()]),
    )
    Definitions.validate_loadable(definitions)

    ran = local.run_definitions(definitions, job="checks")

    assert ran.success
    assert ran.materialized() == {}
    assert ran.checks() == [("D001", True), ("D002", True)]
    assert ran.checks("validate_again") == [("D001", True), ("D002", True)]
    told = {each.description for each in ran.result.get_asset_check_evaluations()}
    assert "It was validated when it was applied; nothing was run this time." in told
    assert local.folder.states()["D003"] == "pending"
    assert {*local.run_definitions(definitions, job="assets").materialized()} == {
        "D001",
        "D002",
        "D003",
    }


@pytest.mark.parametrize("fails", [True, False])
def test_a_run_fails_for_drifted_data_only_if_that_is_set(local: Location, fails: bool) -> None:
    local.folder.execute("DELETE FROM t WHERE name = 'D001'")

    ran = _verify(local, validation_fails_run=fails)

    assert ran.success is not fails
    assert ran.checks("validate_again") == [("D001", False), ("D002", True)]
    if fails:
        description, metadata = _failure(ran)
        assert description.startswith("The data no longer passes validate(): D001.")
        assert metadata == {"status": "drifted", "drifted": ["D001"]}
