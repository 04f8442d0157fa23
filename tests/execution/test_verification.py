"""The promise of a verification: it tells the truth about the data, and touches nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from delembic import DelembicError, Program, Verification, commands
from delembic.errors import (
    DefinitionError,
    NotVerifiableError,
    UnknownRevisionError,
    VerificationCutOffError,
)
from delembic.events import Event, Planned, TransactionEnded, Verifying
from support.audit_rows import MARKS, record_as_1
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend

COUNT = "count = conn.exec_driver_sql('SELECT count(*) FROM t').scalar()"
ONE_ROW = f"{COUNT}\nassert count == 1, f'expected 1 row, found {{count}}'"
INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (7)')"
THROUGH_THE_DRIVER = (
    "conn.connection.driver_connection.cursor().execute('INSERT INTO t VALUES (7)')"
)


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """A project with a table ``t``."""
    return _with_table(ProjectFolder(tmp_path / "project", backend.url))


@pytest.fixture
def local(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """Where the kind of database makes no difference."""
    return _with_table(ProjectFolder(tmp_path / "project", sqlite_url))


@pytest.fixture(autouse=True)
def _closed_gates() -> None:
    GATES.clear()


def _with_table(project: ProjectFolder) -> ProjectFolder:
    project.execute("CREATE TABLE t (x INTEGER)")
    return project


def _apply(project: ProjectFolder, revision: str, validate: str, **options: Any) -> None:
    """Apply a migration, and let its file have that ``validate`` from then on."""
    project.migration(revision)
    project.upgrade(revision)
    project.migration(revision, validate=validate, **options)


def _verify(project: ProjectFolder, *revisions: str) -> DelembicError:
    with pytest.raises(DelembicError) as caught:
        project.verify(*revisions)
    return caught.value


class TestFinding:
    def test_data_that_is_as_expected_passes(self, project: ProjectFolder) -> None:
        project.migration("D001", INSERT, validate=ONE_ROW)
        project.upgrade()

        (found,) = project.verify()

        assert (found.revision, found.passed, found.reason) == ("D001", True, None)
        assert (found.changed, found.rolled_back) == (False, True)
        assert found.duration_seconds >= 0

    def test_drifted_data_does_not_and_the_migration_stays_applied(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", INSERT, validate=ONE_ROW)
        project.upgrade()
        marks, attempts = project.marks(), project.attempts()
        history = commands.history(project.config)
        project.execute("INSERT INTO t VALUES (8)")

        (found,) = project.verify()

        assert (found.passed, found.reason) == (False, "AssertionError: expected 1 row, found 2")
        assert project.marks() == marks
        assert commands.history(project.config) == history
        assert project.attempts()[:1] == attempts
        assert project.upgrade() == ()
        assert project.value("SELECT count(*) FROM t") == 2

    def test_data_that_is_corrected_passes_again(self, project: ProjectFolder) -> None:
        _apply(project, "D001", ONE_ROW)

        assert not project.verify()[0].passed
        project.execute("INSERT INTO t VALUES (1)")
        assert project.verify()[0].passed

    def test_a_bare_assert_is_told_with_its_line(self, local: ProjectFolder) -> None:
        _apply(local, "D001", f"{COUNT}\nassert count == 1")

        (found,) = local.verify()

        assert found.reason == "AssertionError: assert count == 1 (D001.py:12)"

    def test_one_that_does_not_pass_does_not_stop_the_others(self, project: ProjectFolder) -> None:
        for revision, validate in {"D9": "pass", "D10": "1 / 0", "D11": "pass"}.items():
            _apply(project, revision, validate)

        found = project.verify()

        assert [(each.revision, each.passed) for each in found] == [
            ("D9", True),
            ("D10", False),
            ("D11", True),
        ]

    @pytest.mark.parametrize(
        ("validate", "reason"),
        [
            ("raise ValueError('bad row')", "ValueError: bad row"),
            ("sys.exit('bad row')", "SystemExit: bad row"),
            ("conn.close()", "ConnectionClosedError: The migration closed its connection"),
            ("conn.exec_driver_sql('SELECT * FROM gone')", "Error: "),
        ],
        ids=["error", "exit", "close", "sql"],
    )
    def test_whatever_validate_raises_is_a_finding(
        self, project: ProjectFolder, validate: str, reason: str
    ) -> None:
        _apply(project, "D001", validate)
        _apply(project, "D002", "pass")

        (first, second) = project.verify()

        assert not first.passed
        assert first.reason is not None
        assert reason in first.reason
        assert second.passed

    def test_it_sees_one_state_of_the_data_whatever_others_commit_meanwhile(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        if backend.name == "sqlite":
            project.execute("PRAGMA journal_mode = WAL")  # elsewhere a reader holds writers off
        _apply(
            project,
            "D001",
            f"""
            {COUNT}
            GATES['looked'].set(); GATES['written'].wait(PATIENCE_SECONDS)
            before = count
            {COUNT}
            assert count == before == 0
            """.replace("\n            ", "\n"),
        )

        with ThreadPoolExecutor() as pool:
            verifying = pool.submit(project.verify)
            assert GATES["looked"].wait(PATIENCE_SECONDS)
            project.execute("INSERT INTO t VALUES (8)")
            GATES["written"].set()
            (found,) = verifying.result()

        assert found.passed, found.reason

    def test_what_the_file_says_now_is_run_and_a_change_is_told(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", validate="pass")
        project.upgrade()

        (before,) = project.verify()
        project.migration("D001", validate="raise ValueError('a new rule')")
        (after,) = project.verify()

        assert (before.passed, before.changed) == (True, False)
        assert (after.reason, after.changed) == ("ValueError: a new rule", True)

    def test_whether_a_file_of_delembic_1_has_changed_nobody_knows(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", validate="pass")
        record_as_1(project, MARKS[0])

        (found,) = project.verify()

        assert (found.passed, found.changed) == (True, None)
        assert [row.operation for row in project.attempts()] == ["verify"]
        assert project.states() == {"D001": "applied"}


class TestLeavingNothing:
    @pytest.mark.parametrize("insert", [INSERT, THROUGH_THE_DRIVER], ids=["sql", "driver"])
    @pytest.mark.parametrize("end", ["pass", "raise ValueError"])
    def test_what_validate_writes_is_rolled_back(
        self, project: ProjectFolder, insert: str, end: str
    ) -> None:
        _apply(project, "D001", f"{insert}\n{end}")

        (found,) = project.verify()

        assert found.rolled_back
        assert project.value("SELECT count(*) FROM t") == 0
        assert not any(isinstance(event, TransactionEnded) for event in project.events)

    @pytest.mark.parametrize("end", ["pass", "raise ValueError"])
    @pytest.mark.parametrize(
        "commit", [f"conn.commit()\n{INSERT}", "conn.connection.driver_connection.commit()"]
    )
    def test_what_it_commits_by_itself_stays_and_that_is_said(
        self, project: ProjectFolder, commit: str, end: str
    ) -> None:
        _apply(project, "D001", f"{INSERT}\n{commit}\n{end}")

        (found,) = project.verify()

        assert found.passed == (end == "pass")
        assert not found.rolled_back
        assert project.events[-1] == TransactionEnded("D001")
        assert project.value("SELECT count(*) FROM t") == 1

    def test_a_temporary_table_may_be_made_and_the_next_one_does_not_see_it(
        self, project: ProjectFolder
    ) -> None:
        for revision in ("D001", "D002"):
            _apply(
                project,
                revision,
                "conn.exec_driver_sql('CREATE TEMPORARY TABLE u (x INTEGER)')\n"
                "conn.exec_driver_sql('INSERT INTO u VALUES (1)')",
            )

        assert [(found.passed, found.rolled_back) for found in project.verify()] == [
            (True, True)
        ] * 2

    def test_ctrl_c_rolls_back_is_recorded_and_ends_it(self, project: ProjectFolder) -> None:
        _apply(project, "D001", f"{INSERT}\nraise KeyboardInterrupt")
        _apply(project, "D002", "pass")

        with pytest.raises(KeyboardInterrupt):
            project.verify()

        assert project.value("SELECT count(*) FROM t") == 0
        assert _verified(project) == [("D001", "interrupted")]
        assert project.states() == {"D001": "applied", "D002": "applied"}

    def test_an_upgrade_that_is_running_is_not_waited_for(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        if backend.name == "sqlite":
            pytest.skip("SQLite lets one connection write at a time, and the record is written")
        _apply(project, "D001", "pass")
        project.migration("D002", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)")

        with ThreadPoolExecutor() as pool:
            upgrading = pool.submit(commands.upgrade, project.config)
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            found = project.verify()
            during = project.states()
            GATES["go"].set()
            upgrading.result()

        assert [each.passed for each in found] == [True]
        assert during == {"D001": "applied", "D002": "running"}

    def test_a_writer_is_not_held_off_on_sqlite(self, local: ProjectFolder) -> None:
        _apply(local, "D001", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)")

        with ThreadPoolExecutor() as pool:
            verifying = pool.submit(local.verify)
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            local.execute("PRAGMA busy_timeout = 0", "INSERT INTO t VALUES (8)")
            GATES["go"].set()
            verifying.result()

        assert local.value("SELECT count(*) FROM t") == 1


class TestRecord:
    def test_each_verification_has_a_row_that_says_so(self, project: ProjectFolder) -> None:
        _apply(project, "D001", "pass")
        _apply(project, "D002", "raise ValueError('bad row')")

        found = project.verify(program=Program("dagster", "run-7", username="ann"))

        (good, bad) = [row for row in project.attempts() if row.operation == "verify"]
        assert [row.id for row in (good, bad)] == [each.history_id for each in found]
        assert (good.status, good.exception) == ("success", None)
        assert bad.status == "failed"
        assert bad.exception.endswith("ValueError: bad row\n")
        assert str(project.versions / "D002.py") in bad.exception.splitlines()[1]
        for row in (good, bad):
            assert (row.attempt, row.rows_affected) == (None, None)
            assert (row.executor, row.executor_run_id, row.username) == ("dagster", "run-7", "ann")
            assert row.checksum == project.checksum(row.revision)
            assert row.description == f"the work of {row.revision}"
            assert row.duration_seconds >= 0
            assert row.ended_at >= row.started_at

    def test_nothing_is_concluded_from_it(self, project: ProjectFolder) -> None:
        _apply(project, "D001", "raise KeyboardInterrupt")
        with pytest.raises(KeyboardInterrupt):
            project.verify()
        _apply(project, "D002", "raise ValueError")
        project.verify("D002")
        project.execute("DELETE FROM delembic_version")

        assert project.states() == {"D001": "pending", "D002": "pending"}

    def test_attempts_are_counted_without_it(self, project: ProjectFolder) -> None:
        _apply(project, "D001", "raise ValueError")
        project.verify()
        project.execute("DELETE FROM delembic_version")
        project.migration("D001")

        project.upgrade()

        rows = [(row.attempt, row.operation) for row in project.attempts()]
        assert rows == [(1, "upgrade"), (None, "verify"), (2, "upgrade")]

    def test_an_audit_log_in_another_database_gets_it(
        self, local: ProjectFolder, tmp_path: Path
    ) -> None:
        local.configure(metadata_url=f"sqlite:///{tmp_path / 'log.sqlite'}")
        _apply(local, "D001", "pass")

        local.verify()

        assert [run.operation for run in commands.runs(local.config)] == ["verify", "upgrade"]
        with local.connection() as conn:
            assert "delembic_run_history" not in inspect(conn).get_table_names()

    def test_where_there_is_nothing_to_verify_nothing_is_written(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", validate="pass")

        assert project.verify() == ()
        with project.connection() as conn:
            assert inspect(conn).get_table_names() == ["t"]

    def test_a_database_in_memory_has_room_for_it(self, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", "")
        project.write(
            "delembic/env.py",
            """
            from sqlalchemy import create_engine
            from sqlalchemy.pool import StaticPool
            engine = create_engine("sqlite://", poolclass=StaticPool)
            def get_engine():
                return engine
            """,
        )
        project.migration("D001", "conn.exec_driver_sql('CREATE TABLE t (x INTEGER)')")
        project.upgrade()
        project.migration("D001", validate=f"{INSERT}\n{COUNT}\nassert count == 1")

        assert [project.verify()[0].passed for _ in range(2)] == [True, True]


class TestChoosing:
    def test_without_names_it_is_what_is_applied_and_has_a_validate(
        self, local: ProjectFolder
    ) -> None:
        _apply(local, "D001", "pass")
        _apply(local, "D002", "pass")
        local.migration("D002", head="raise ImportError('it has no validate')")
        local.migration("D003", validate="pass", head="raise ImportError('it is not applied')")

        assert [found.revision for found in local.verify()] == ["D001"]

    def test_named_ones_come_in_execution_order_and_no_other_is_imported(
        self, local: ProjectFolder
    ) -> None:
        for revision in ("D001", "D002", "D003"):
            _apply(local, revision, "pass")
        local.migration("D002", validate="pass", head="raise ImportError('not asked for')")

        found = local.verify("D003", "D001", "D003")

        assert [each.revision for each in found] == ["D001", "D003"]

    def test_of_some_that_cannot_be_verified_each_is_told_and_nothing_is_run(
        self, local: ProjectFolder
    ) -> None:
        _apply(local, "D001", "pass")
        _apply(local, "D002", "pass")
        local.migration("D002")
        local.migration("D003", validate="pass")
        _apply(local, "D004", "pass")
        (local.versions / "D004.py").unlink()

        error = _verify(local, "D001", "D002", "D003", "D004")

        assert isinstance(error, NotVerifiableError)
        assert error.exit_code == 2
        assert error.obstacles == {
            "D002": "it has no validate",
            "D003": "it is not applied",
            "D004": "its file is gone",
        }
        assert _verified(local) == []

    def test_a_failed_migration_is_not_applied(self, local: ProjectFolder) -> None:
        local.migration("D001", validate="raise ValueError")
        with pytest.raises(DelembicError):
            local.upgrade()

        assert local.verify() == ()
        assert isinstance(_verify(local, "D001"), NotVerifiableError)

    def test_a_name_that_does_not_exist_comes_with_the_nearest(self, local: ProjectFolder) -> None:
        _apply(local, "D001", "pass")

        error = _verify(local, "D01")

        assert isinstance(error, UnknownRevisionError)
        assert "Did you mean 'D001'?" in error.message
        assert _verified(local) == []

    def test_a_file_that_cannot_be_imported_is_found_before_anything_runs(
        self, local: ProjectFolder
    ) -> None:
        _apply(local, "D001", "pass")
        _apply(local, "D002", "pass", head="raise ImportError('no such package')")

        error = _verify(local)

        assert isinstance(error, DefinitionError)
        assert "no such package" in error.message
        assert _verified(local) == []

    def test_a_validate_from_a_base_in_another_file_is_run(self, local: ProjectFolder) -> None:
        self._with_bases(local)

        (found,) = local.verify()

        assert (found.revision, found.reason) == ("D001", "ValueError: from the base")

    def test_one_whose_base_turns_out_to_bring_none_has_none(self, local: ProjectFolder) -> None:
        self._with_bases(local)

        error = _verify(local, "D002")

        assert isinstance(error, NotVerifiableError)
        assert error.obstacles == {"D002": "it has no validate"}

    @staticmethod
    def _with_bases(project: ProjectFolder) -> None:
        for revision in ("D001", "D002"):
            project.migration(revision)
        project.upgrade()
        project.write(
            "bases.py",
            """
            from delembic import DataMigration
            class Plain(DataMigration):
                def upgrade(self, conn): return
            class Strict(Plain):
                def validate(self, conn): raise ValueError("from the base")
            """,
        )
        for revision, base in {"D001": "Strict", "D002": "Plain"}.items():
            project.write(
                f"delembic/versions/{revision}.py",
                f"""
                from bases import {base}
                class Load({base}):
                    revision = {revision!r}
                    depends_on = []
                    description = "load"
                """,
            )


class TestTelling:
    def test_events_tell_what_happens_as_it_happens(self, local: ProjectFolder) -> None:
        _apply(local, "D001", "pass")
        _apply(local, "D002", "raise ValueError")

        (first, second) = local.verify()

        expected: list[Event] = [
            Planned(("D001", "D002")),
            Verifying("D001", "the work of D001"),
            first,
            Verifying("D002", "the work of D002"),
            second,
        ]
        assert local.events == expected

    def test_one_after_the_other_is_yielded_and_the_rest_left_out_if_nobody_asks(
        self, local: ProjectFolder
    ) -> None:
        _apply(local, "D001", "pass")
        _apply(local, "D002", "GATES['second'].set()")

        found = commands.verify_each(local.config)
        first = next(iter(found))
        found.close()  # type: ignore[attr-defined]  # it is a generator, as those who stop know

        assert isinstance(first, Verification)
        assert first.revision == "D001"
        assert _verified(local) == [("D001", "success")]
        assert not GATES["second"].is_set()


class TestLosingTheDatabase:
    @pytest.fixture(params=["postgresql", "mariadb"])
    def project(self, request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFolder:
        url = request.getfixturevalue(f"{request.param}_url")
        return _with_table(ProjectFolder(tmp_path / "project", url))

    def test_a_session_that_ends_says_nothing_about_the_data(self, project: ProjectFolder) -> None:
        _apply(
            project,
            "D001",
            f"from support.sessions import end_all_sessions; end_all_sessions({project.url!r})\n"
            "conn.exec_driver_sql('SELECT 1')",
        )

        error = _verify(project)

        assert isinstance(error, VerificationCutOffError)
        assert error.exit_code == 2
        assert "The verification of D001 was cut off" in error.message
        assert _verified(project) == [("D001", "interrupted")]
        assert project.states() == {"D001": "applied"}

    def test_one_that_ends_unnoticed_is_no_obstacle_to_the_record(
        self, project: ProjectFolder
    ) -> None:
        _apply(
            project,
            "D001",
            f"from support.sessions import end_all_sessions; end_all_sessions({project.url!r})",
        )

        try:
            (found,) = project.verify()
        except VerificationCutOffError:
            assert _verified(project) == [("D001", "interrupted")]
        else:
            assert found.passed
            assert _verified(project) == [("D001", "success")]


def _verified(project: ProjectFolder) -> list[tuple[str, str]]:
    """The verifications on record."""
    rows = [row for row in project.attempts() if row.operation == "verify"]
    return [(row.revision, row.status) for row in rows]
