"""The testing tools for users of the adapter, beyond what other tests here use."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetSpec, Definitions, job, op

from delembic_dagster import DagsterDelembicTranslator, DelembicProject, DelembicTranslatorData
from delembic_dagster.testing import DagsterTester, JobRun, dagster_tester, run_job
from support.projects import ProjectFolder

INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"


class Renaming(DagsterDelembicTranslator):
    """Gives assets keys that do not contain the revision."""

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=["warehouse", data.revision.id[::-1]])


@pytest.fixture
def tester(files: ProjectFolder) -> Iterator[DagsterTester]:
    """A chain of three migrations with an unreachable database in the ini file, and a table t."""
    files.migration("D001", INSERT, validate="pass")
    files.migration("D002", INSERT, depends_on=("D001",))
    files.migration("D003", depends_on=("D002",))
    with dagster_tester(DelembicProject(files.root)) as tester:
        with tester.migrations.connection() as conn:
            conn.exec_driver_sql("CREATE TABLE t (x INTEGER)")
        yield tester


def test_one_revision_can_be_run_after_others_were_applied(tester: DagsterTester) -> None:
    tester.migrations.upgrade_before("D002")

    run = tester.run("D002")

    assert run.success
    assert (run.started(), run.failed(), run.not_run()) == (["D002"], set(), set())
    assert run.materialized()["D002"]["rows_affected"] == 1
    assert tester.migrations.rows("SELECT x FROM t") == [(1,), (1,)]


def test_results_are_by_revision_even_if_the_assets_have_other_names(tester: DagsterTester) -> None:
    run = tester.run(translator=Renaming())

    assert [*run.materialized()] == run.started() == ["D001", "D002", "D003"]
    assert run.checks() == [("D001", True)]
    assert [*tester.run("D002", translator=Renaming()).materialized()] == ["D002"]


def test_a_failure_has_its_description_and_the_revisions_not_run(
    files: ProjectFolder, tester: DagsterTester
) -> None:
    files.migration("D002", "raise ValueError('no')", depends_on=("D001",))

    run = tester.run()

    assert not run.success
    assert (run.failed(), run.not_run()) == ({"D002"}, {"D003"})
    assert run.failure("D002").metadata["phase"] == "upgrade"
    assert "ValueError: no" in run.failure("D002").description
    with pytest.raises(AssertionError, match=r"D001 did not fail; these did: \['D002'\]"):
        run.failure("D001")


def test_a_run_for_some_revisions_plans_no_others(
    files: ProjectFolder, tester: DagsterTester
) -> None:
    files.migration("D001", "raise ValueError('no')")

    run = tester.run("D001", "D002")

    assert run.planned == {"D001", "D002"}
    assert run.not_run() == {"D002"}


def test_a_job_of_a_selection_plans_only_the_selection(tester: DagsterTester) -> None:
    assert tester.run(select="upto:D002").planned == {"D001", "D002"}


def test_a_revision_without_an_asset_is_a_key_error(tester: DagsterTester) -> None:
    with pytest.raises(KeyError, match="D009"):
        tester.run("D009")


def test_a_step_that_failed_outside_of_delembic_is_named_by_its_key(
    tester: DagsterTester,
) -> None:
    @op
    def break_down() -> None:
        raise RuntimeError("no")

    @job
    def nightly() -> None:
        break_down()

    run = run_job(Definitions(jobs=[nightly]), tester.instance, job="nightly")

    assert run.failed() == {"break_down"}
    assert "RuntimeError: no" in run.failure("break_down").error
    assert JobRun(run.result).failed() == {"break_down"}


def test_a_project_under_test_is_never_unpickled_as_the_real_project(tester: DagsterTester) -> None:
    arrived: Any = pickle.loads(pickle.dumps(tester.project))

    assert arrived.config.url == tester.migrations.url
    assert [*arrived.graph] == ["D001", "D002", "D003"]


def test_any_database_can_be_used(files: ProjectFolder, tmp_path: Path) -> None:
    files.migration("D001")
    url = f"sqlite:///{tmp_path / 'mine.db'}"

    with dagster_tester(DelembicProject(files.root), url) as tester:
        assert tester.run().success

    assert (tmp_path / "mine.db").exists()
