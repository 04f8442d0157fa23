"""The promise of a run, held against every database.

Every migration takes effect exactly once, and every attempt leaves a record.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError

from delembic import Program, commands
from delembic.audit.ledger import Ledger
from delembic.audit.share import Share
from delembic.errors import LockTimeoutError, MigrationBlockedError, MigrationFailedError
from delembic.events import (
    Event,
    Failed,
    Finished,
    Interrupted,
    Planned,
    RecordDelayed,
    Settled,
    Skipped,
    Started,
    TransactionEnded,
    Waiting,
)
from support.newly_supported import NewlySupported
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend
from support.strangers import disguised

TWO_ROWS = "conn.exec_driver_sql('INSERT INTO t VALUES (1), (2)')"


THROUGH_THE_DRIVER = """
cursor = conn.connection.driver_connection.cursor()
if conn.dialect.name == "postgresql":
    with cursor.copy("COPY t FROM STDIN") as copy:
        copy.write_row((1,)); copy.write_row((2,))
else:
    cursor.execute("INSERT INTO t VALUES (1), (2)")
"""

_CUT_OFF = """
from sqlalchemy.exc import OperationalError
def cut_off():
    {end}
    raise OperationalError("COMMIT", None, Exception("connection lost"))
conn.real_commit = conn.commit
conn.commit = cut_off
"""


@pytest.fixture
def newly_supported_url(postgresql_url: str) -> str:
    """A database of which delembic knows what one module tells it, here one of the tests."""
    return disguised(postgresql_url, NewlySupported)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb", "newly_supported"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """An empty database of each kind in turn: a row for each that is supported."""
    return Backend(request.param, request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """A project with a table ``t`` that its migrations may fill."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER)")
    return project


@pytest.fixture(autouse=True)
def _closed_gates() -> None:
    GATES.clear()


class TestSuccess:
    def test_the_work_the_mark_and_the_record_tell_the_same(self, project: ProjectFolder) -> None:
        project.migration("D001", TWO_ROWS)

        (outcome,) = project.upgrade()

        (attempt,) = project.attempts()
        mark = project.marks()["D001"]
        assert project.value("SELECT count(*) FROM t") == 2
        assert isinstance(outcome, Finished)
        assert (attempt.status, attempt.attempt, attempt.rows_affected) == ("success", 1, 2)
        assert mark.status == "success"
        assert mark.run_id == attempt.run_id
        assert mark.checksum == attempt.checksum == project.checksum("D001")

    def test_the_record_says_who_ran_what_where_and_by_which_program(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")

        project.upgrade(program=Program("dagster", "run-7", username="ann"))

        (attempt,) = project.attempts()
        assert attempt.username == "ann"
        assert attempt.pid == os.getpid()
        assert (attempt.executor, attempt.executor_run_id) == ("dagster", "run-7")
        assert attempt.description == "the work of D001"
        assert attempt.tool_version == Program().tool_version

    def test_times_are_aware_and_in_utc(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.upgrade()

        (entry,) = commands.history(project.config)

        assert entry.applied_at is not None
        assert entry.applied_at.utcoffset() == timedelta(0)
        assert datetime.now(UTC) - entry.applied_at < timedelta(minutes=1)

    def test_a_second_upgrade_runs_nothing(self, project: ProjectFolder) -> None:
        project.migration("D001", TWO_ROWS)
        project.upgrade()

        assert project.upgrade() == ()

        assert project.value("SELECT count(*) FROM t") == 2
        assert project.statuses() == ["success"]

    def test_migrations_run_after_what_they_depend_on(self, project: ProjectFolder) -> None:
        project.migration("D001", depends_on=("D002", "D003"))
        project.migration("D002", depends_on=("D004",))
        project.migration("D003", depends_on=("D004",))
        project.migration("D004")

        project.upgrade()

        assert [row.revision for row in project.attempts()] == ["D004", "D002", "D003", "D001"]

    def test_a_target_brings_what_it_depends_on_and_nothing_else(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")
        project.migration("D002")
        project.migration("D003", depends_on=("D001",))

        project.upgrade("D003")

        assert project.states() == {"D001": "applied", "D002": "pending", "D003": "applied"}

    def test_the_running_row_is_there_while_the_work_goes_on(self, project: ProjectFolder) -> None:
        project.migration("D001", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)")

        with ThreadPoolExecutor() as pool:
            future = pool.submit(project.upgrade)
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            during = project.statuses()
            GATES["go"].set()
            future.result()

        assert during == ["running"]
        assert project.statuses() == ["success"]

    def test_what_goes_through_the_drivers_connection_is_committed_with_the_rest(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", THROUGH_THE_DRIVER)

        project.upgrade()

        assert project.value("SELECT count(*) FROM t") == 2

    def test_revisions_that_differ_in_case_alone_are_two(self, project: ProjectFolder) -> None:
        project.migration("d1", "conn.exec_driver_sql('INSERT INTO t VALUES (1)')")
        project.versions.joinpath("d1.py").rename(project.versions / "small.py")
        project.migration("D1", "conn.exec_driver_sql('INSERT INTO t VALUES (2)')")

        project.upgrade()

        assert project.value("SELECT count(*) FROM t") == 2


class TestFailure:
    @pytest.mark.parametrize(
        ("upgrade", "validate", "phase"),
        [
            (f"{TWO_ROWS}\nraise ValueError('bad row')", None, "upgrade"),
            (TWO_ROWS, "raise ValueError('bad row')", "validate"),
            (f"{TWO_ROWS}\nsys.exit('bad row')", None, "upgrade"),
            (f"{THROUGH_THE_DRIVER}\nraise ValueError('bad row')", None, "upgrade"),
            (
                "with conn.begin_nested():\n"
                f"    {TWO_ROWS}\n"
                "conn.exec_driver_sql('INSERT INTO nowhere VALUES (1)') # bad row",
                None,
                "upgrade",
            ),
        ],
        ids=["upgrade", "validate", "exit", "driver", "sql"],
    )
    def test_all_work_is_rolled_back_and_the_attempt_is_on_record(
        self, project: ProjectFolder, upgrade: str, validate: str | None, phase: str
    ) -> None:
        project.migration("D001", upgrade, validate=validate)

        with pytest.raises(MigrationFailedError) as caught:
            project.upgrade()

        (attempt,) = project.attempts()
        assert project.value("SELECT count(*) FROM t") == 0
        assert caught.value.phase == phase
        assert caught.value.history_id == attempt.id
        assert "was rolled back" in caught.value.remedy
        assert attempt.status == "failed"
        assert "Traceback" in attempt.exception
        assert "bad row" in attempt.exception
        assert project.marks()["D001"].status == "failed"
        assert project.states() == {"D001": "failed"}

    def test_the_record_begins_with_the_users_own_code(self, project: ProjectFolder) -> None:
        path = project.migration("D001", "raise ValueError('bad row')")

        with pytest.raises(MigrationFailedError):
            project.upgrade()

        (attempt,) = project.attempts()
        assert str(path) in attempt.exception.splitlines()[1]

    def test_the_next_attempt_is_numbered_and_can_succeed(self, project: ProjectFolder) -> None:
        project.migration("D001", "raise ValueError")
        with pytest.raises(MigrationFailedError):
            project.upgrade()
        project.migration("D001", TWO_ROWS)

        project.upgrade()

        assert [(row.attempt, row.status) for row in project.attempts()] == [
            (1, "failed"),
            (2, "success"),
        ]
        assert project.states() == {"D001": "applied"}
        assert project.value("SELECT count(*) FROM t") == 2

    def test_what_comes_after_a_failure_is_not_run(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002", "raise ValueError", depends_on=("D001",))
        project.migration("D003", TWO_ROWS, depends_on=("D002",))

        with pytest.raises(MigrationFailedError):
            project.upgrade()

        assert project.states() == {"D001": "applied", "D002": "failed", "D003": "blocked"}
        assert project.value("SELECT count(*) FROM t") == 0

    def test_tables_made_by_a_failing_migration_are_gone_where_the_database_can_do_that(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        if backend.name == "mariadb":
            pytest.skip("MariaDB commits before and after each DDL statement")
        project.migration(
            "D001",
            "conn.exec_driver_sql('CREATE TABLE u (x INTEGER)')\n"
            "conn.exec_driver_sql('DROP TABLE t')\n"
            "raise ValueError",
        )

        with pytest.raises(MigrationFailedError):
            project.upgrade()

        with project.connection() as conn:
            tables = inspect(conn).get_table_names()
        assert "t" in tables
        assert "u" not in tables

    def test_a_connection_that_the_migration_closed_is_a_failure(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", f"{TWO_ROWS}\nconn.close()")

        with pytest.raises(MigrationFailedError):
            project.upgrade()

        assert project.value("SELECT count(*) FROM t") == 0
        assert project.statuses() == ["failed"]

    def test_ctrl_c_rolls_back_and_is_recorded_as_an_interruption(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", f"{TWO_ROWS}\nraise KeyboardInterrupt")

        with pytest.raises(KeyboardInterrupt):
            project.upgrade()

        assert project.value("SELECT count(*) FROM t") == 0
        assert project.statuses() == ["interrupted"]
        assert project.states() == {"D001": "interrupted"}
        assert isinstance(project.events[-1], Interrupted)


class TestOwnCommits:
    """A migration that ends its transaction works, but has to be told of."""

    @pytest.mark.parametrize(
        "commit",
        [
            "conn.commit()",
            "conn.connection.driver_connection.commit()",
            "conn.commit(); conn.exec_driver_sql('INSERT INTO t VALUES (3)')",
            "conn.connection.driver_connection.commit();"
            " conn.exec_driver_sql('INSERT INTO t VALUES (3)')",
        ],
    )
    def test_a_commit_of_its_own_is_noticed(self, project: ProjectFolder, commit: str) -> None:
        project.migration("D001", f"{TWO_ROWS}\n{commit}")

        project.upgrade()

        assert TransactionEnded("D001") in project.events
        assert project.states() == {"D001": "applied"}

    def test_without_one_nothing_is_said(self, project: ProjectFolder) -> None:
        project.migration("D001", f"{TWO_ROWS}\nwith conn.begin_nested(): {TWO_ROWS}")

        project.upgrade()

        assert [type(event) for event in project.events[1:]] == [Started, Finished]

    @pytest.mark.parametrize(
        "commit",
        [
            "conn.commit()",
            "conn.connection.driver_connection.commit()",
            "conn.commit(); conn.exec_driver_sql('INSERT INTO t VALUES (3)')",
        ],
    )
    def test_a_failure_after_it_does_not_claim_that_all_was_rolled_back(
        self, project: ProjectFolder, commit: str
    ) -> None:
        project.migration("D001", f"{TWO_ROWS}\n{commit}\nraise ValueError")

        with pytest.raises(MigrationFailedError, match="committed some of its work itself"):
            project.upgrade()

        failed = project.events[-1]
        assert isinstance(failed, Failed)
        assert not failed.rolled_back
        assert project.value("SELECT count(*) FROM t") == 2


class TestOtherRunners:
    def test_a_lock_that_is_held_is_waited_for_and_the_work_done_once(
        self, project: ProjectFolder
    ) -> None:
        project.migration(
            "D001", f"{TWO_ROWS}\nGATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)"
        )
        second = _same_project(project)
        waiting = threading.Event()

        def listen(event: Event) -> None:
            second.events.append(event)
            if isinstance(event, Waiting):
                waiting.set()

        with ThreadPoolExecutor() as pool:
            first = pool.submit(project.upgrade)
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            other = pool.submit(
                commands.upgrade,
                second.config,
                on_event=listen,
                lock_timeout_seconds=PATIENCE_SECONDS,
            )
            assert waiting.wait(PATIENCE_SECONDS)
            GATES["go"].set()
            first.result()
            (outcome,) = other.result()

        waits = [event for event in second.events if isinstance(event, Waiting)]
        assert isinstance(outcome, Skipped)
        assert len(waits) == 1
        assert f"pid {os.getpid()}" in waits[0].holder
        assert project.value("SELECT count(*) FROM t") == 2
        assert project.statuses() == ["success"]

    def test_a_timeout_of_zero_gives_up_at_once_and_names_the_holder(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)")

        with ThreadPoolExecutor() as pool:
            first = pool.submit(project.upgrade)
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            with pytest.raises(LockTimeoutError, match=f"pid {os.getpid()}"):
                _same_project(project).upgrade(lock_timeout_seconds=0)
            GATES["go"].set()
            first.result()

        assert project.statuses() == ["success"]

    def test_without_a_lock_the_mark_alone_keeps_the_effect_single(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        if backend.name == "sqlite":
            pytest.skip("SQLite lets one transaction write at a time, so this cannot come about")
        project.configure(lock="none")
        project.migration("D001", f"{TWO_ROWS}\nGATES['both'].wait(PATIENCE_SECONDS)")
        runners = [project, _same_project(project)]

        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(runner.upgrade) for runner in runners]
            for runner in runners:
                while not any(isinstance(event, Started) for event in runner.events):
                    threading.Event().wait(0.01)
            GATES["both"].set()
            outcomes = [future.result()[0] for future in futures]

        assert {type(outcome) for outcome in outcomes} == {Finished, Skipped}
        assert project.value("SELECT count(*) FROM t") == 2
        assert sorted(project.statuses()) == ["interrupted", "success"]

    def test_without_a_lock_nothing_is_concluded_about_rows_of_others(
        self, project: ProjectFolder
    ) -> None:
        project.configure(lock="none")
        project.migration("D001", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)")
        project.migration("D002")
        project.upgrade("D002")

        with ThreadPoolExecutor() as pool:
            first = pool.submit(project.upgrade, "D001")
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            _same_project(project).upgrade("D002")
            during = project.statuses("D001")
            GATES["go"].set()
            first.result()

        assert during == ["running"]

    def test_a_dependency_that_is_not_applied_blocks_and_is_on_record(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")
        project.migration("D002", TWO_ROWS, depends_on=("D001",))

        with pytest.raises(MigrationBlockedError, match="on D001, which is not applied yet"):
            project.apply("D002")

        assert project.statuses("D002") == ["blocked"]
        assert project.value("SELECT count(*) FROM t") == 0

    def test_applying_what_is_applied_is_skipped_and_says_by_whom(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", TWO_ROWS)
        project.upgrade(program=Program("cli", username="ann"))

        outcome = project.apply("D001")

        (attempt,) = project.attempts()
        assert isinstance(outcome, Skipped)
        assert outcome.history_id == attempt.id
        assert outcome.applied_by is not None
        assert outcome.applied_by.startswith("ann@")
        assert outcome.applied_at is not None

    def test_many_may_create_the_tables_at_the_same_moment(self, project: ProjectFolder) -> None:
        for number in range(6):
            project.migration(f"D{number}")
        start = threading.Barrier(6)

        def apply(number: int) -> None:
            start.wait()
            commands.apply(project.config, f"D{number}", lock_timeout_seconds=PATIENCE_SECONDS)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(apply, range(6)))

        assert set(project.states().values()) == {"applied"}
        assert project.statuses() == ["success"] * 6

    def test_runners_of_different_revisions_do_not_get_into_each_others_way(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        if backend.name == "sqlite":
            pytest.skip("SQLite lets one transaction write at a time")
        for name in "AB":
            project.migration(name, f"GATES['{name}'].set(); GATES['go'].wait(PATIENCE_SECONDS)")
        project.migration("C")
        project.upgrade("C")

        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(_same_project(project).apply, name) for name in "AB"]
            assert all(GATES[name].wait(PATIENCE_SECONDS) for name in "AB")
            GATES["go"].set()
            outcomes = [run.result() for run in runs]

        assert [type(outcome) for outcome in outcomes] == [Finished, Finished]

    @pytest.mark.parametrize(
        "execute", ["conn.exec_driver_sql", "conn.connection.cursor().execute"]
    )
    def test_a_deadlock_that_the_server_ended_is_no_commit_of_the_migrations_own(
        self, project: ProjectFolder, backend: Backend, execute: str
    ) -> None:
        if backend.name == "sqlite":
            pytest.skip("SQLite lets one transaction write at a time")
        project.execute("CREATE TABLE u (x INTEGER PRIMARY KEY)", "INSERT INTO u VALUES (1), (2)")
        for first, second in ((1, 2), (2, 1)):
            project.migration(
                f"D{first}",
                f"""
                {execute}("UPDATE u SET x = x WHERE x = {first}")
                GATES["{first}"].set()
                GATES["{second}"].wait(PATIENCE_SECONDS)
                {execute}("UPDATE u SET x = x WHERE x = {second}")
                """,
            )

        runners = [_same_project(project), _same_project(project)]
        with ThreadPoolExecutor() as pool:
            runs = [
                pool.submit(runner.apply, revision)
                for runner, revision in zip(runners, ("D1", "D2"), strict=True)
            ]
            errors = [error for run in runs if (error := run.exception())]

        (error,) = errors
        assert isinstance(error, MigrationFailedError)
        assert "was rolled back" in error.remedy


class TestDeadRunners:
    @pytest.mark.parametrize("how", ["upgrade", "apply"])
    def test_a_runner_killed_at_work_leaves_a_row_that_the_next_run_settles(
        self, project: ProjectFolder, how: str
    ) -> None:
        project.migration(
            "D001",
            f"{TWO_ROWS}\nif os.environ.get('KILL'): os.kill(os.getpid(), {int(signal.SIGKILL)})",
        )
        assert _run_and_die(project, "") == -signal.SIGKILL
        assert project.statuses() == ["running"]

        if how == "upgrade":
            project.upgrade()
        else:
            project.apply("D001")

        assert project.statuses() == ["interrupted", "success"]
        assert isinstance(project.events[0], Settled)
        assert project.value("SELECT count(*) FROM t") == 2

    def test_what_was_left_of_other_revisions_is_settled_as_well(
        self, project: ProjectFolder
    ) -> None:
        project.migration(
            "D001",
            f"{TWO_ROWS}\nif os.environ.get('KILL'): os.kill(os.getpid(), {int(signal.SIGKILL)})",
        )
        project.migration("D002")
        assert _run_and_die(project, "") == -signal.SIGKILL

        project.upgrade("D002")

        assert project.statuses("D001") == ["interrupted"]
        assert project.states() == {"D001": "interrupted", "D002": "applied"}

    def test_a_runner_killed_between_commit_and_record_is_recovered(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", TWO_ROWS)
        dying = (
            "from delembic.audit.ledger import Ledger\n"
            f"Ledger.finish = lambda *a, **k: os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
        )
        assert _run_and_die(project, dying) == -signal.SIGKILL
        assert project.statuses() == ["running"]
        assert project.states() == {"D001": "applied"}

        assert project.upgrade() == ()

        (attempt,) = project.attempts()
        assert (attempt.status, bool(attempt.recovered)) == ("success", True)
        assert project.value("SELECT count(*) FROM t") == 2

    def test_the_row_of_a_living_runner_is_left_alone(self, project: ProjectFolder) -> None:
        project.migration("D001", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)")
        project.migration("D002")

        with ThreadPoolExecutor() as pool:
            first = pool.submit(project.upgrade, "D001")
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            with pytest.raises(LockTimeoutError):
                _same_project(project).upgrade("D001", lock_timeout_seconds=0)
            during = project.statuses("D001")
            GATES["go"].set()
            first.result()

        assert during == ["running"]

    @pytest.mark.parametrize("is_split", [False, True], ids=["together", "apart"])
    def test_a_commit_that_came_to_light_after_its_row_was_settled_is_recovered(
        self, project: ProjectFolder, tmp_path: Path, is_split: bool
    ) -> None:
        audit = project
        if is_split:
            audit = ProjectFolder(tmp_path / "audit", f"sqlite:///{tmp_path / 'audit.sqlite'}")
            project.configure(metadata_url=audit.url)
        project.migration("D001", TWO_ROWS)
        project.upgrade()
        audit.execute("UPDATE delembic_run_history SET status = 'interrupted', ended_at = NULL")

        project.upgrade()

        (attempt,) = audit.attempts()
        assert (attempt.status, bool(attempt.recovered)) == ("success", True)
        assert [type(event) for event in project.events] == [Settled, Planned]

    def test_interruptions_that_are_over_and_done_with_are_not_read_again(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", "raise KeyboardInterrupt")
        with pytest.raises(KeyboardInterrupt):
            project.upgrade()
        assert _rows_that_may_be_wrong(project) == ["D001"]

        project.migration("D001")
        project.upgrade()

        assert project.statuses() == ["interrupted", "success"]
        assert _rows_that_may_be_wrong(project) == []


class TestDeadRunnersWithoutALock:
    """Nothing but the row itself, and the marks, can tell that its runner is dead."""

    @pytest.fixture
    def project(self, project: ProjectFolder) -> ProjectFolder:
        project.configure(lock="none")
        project.migration(
            "D001",
            f"{TWO_ROWS}\nif os.environ.get('KILL'): os.kill(os.getpid(), {int(signal.SIGKILL)})",
        )
        return project

    def test_one_of_this_machine_is_known_by_its_process(self, project: ProjectFolder) -> None:
        assert _run_and_die(project, "") == -signal.SIGKILL

        project.upgrade()

        assert project.statuses() == ["interrupted", "success"]
        assert isinstance(project.events[0], Settled)

    def test_one_of_another_machine_is_settled_when_it_can_commit_no_more(
        self, project: ProjectFolder
    ) -> None:
        assert _run_and_die(project, "") == -signal.SIGKILL
        project.execute("UPDATE delembic_run_history SET hostname = 'elsewhere'")

        project.upgrade()
        before = project.statuses()
        project.upgrade()

        assert before == ["running", "success"]
        assert project.statuses() == ["interrupted", "success"]
        # Nobody knows whether it has died.
        assert [type(event) for event in project.events] == [Planned]

    def test_one_that_lives_has_the_last_word_on_its_own_row(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        if backend.name == "sqlite":
            pytest.skip("SQLite lets one transaction write at a time, so this cannot come about")
        project.migration(
            "D001", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS); raise ValueError"
        )
        other = _same_project(project)

        with ThreadPoolExecutor() as pool:
            slow = pool.submit(project.upgrade)
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            project.migration("D001")
            for _ in range(2):
                other.upgrade()
            during = project.statuses()
            GATES["go"].set()
            slow.result()

        assert during == ["interrupted", "success"]
        assert project.statuses() == ["interrupted", "success"]
        assert project.attempts()[0].exception == "Another run applied it in the meantime."


class TestCutOffCommit:
    """The server's answer to COMMIT was lost: the mark tells what became of it."""

    def test_a_commit_that_took_effect_counts(self, project: ProjectFolder) -> None:
        project.migration("D001", f"{TWO_ROWS}\n{_CUT_OFF.format(end='conn.real_commit()')}")

        (outcome,) = project.upgrade()

        assert isinstance(outcome, Finished)
        assert project.statuses() == ["success"]
        assert project.value("SELECT count(*) FROM t") == 2

    def test_a_commit_that_did_not_is_a_failure(self, project: ProjectFolder) -> None:
        project.migration("D001", f"{TWO_ROWS}\n{_CUT_OFF.format(end='conn.rollback()')}")

        with pytest.raises(MigrationFailedError) as caught:
            project.upgrade()

        assert caught.value.phase == "commit"
        assert project.statuses() == ["failed"]
        assert project.value("SELECT count(*) FROM t") == 0


class TestRecord:
    def test_an_end_that_cannot_be_recorded_is_told_and_made_good_by_the_next_run(
        self, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from delembic.audit.ledger import Ledger

        def no_disk(*args: object, **values: object) -> None:
            raise OperationalError("UPDATE", None, Exception("disk full"))

        project.migration("D001", TWO_ROWS)
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "finish", no_disk)
            project.upgrade()
        assert any(isinstance(event, RecordDelayed) for event in project.events)

        project.upgrade()

        assert project.statuses() == ["success"]

    def test_reading_creates_nothing(self, project: ProjectFolder) -> None:
        project.migration("D001")

        assert project.states() == {"D001": "pending"}
        assert commands.current(project.config) == []

        with project.connection() as conn:
            assert inspect(conn).get_table_names() == ["t"]

    def test_it_may_live_in_another_database(self, project: ProjectFolder, tmp_path: Path) -> None:
        project.configure(metadata_url=f"sqlite:///{tmp_path / 'audit.sqlite'}")
        project.migration("D001", TWO_ROWS)

        project.upgrade()

        audit = ProjectFolder(tmp_path / "audit", f"sqlite:///{tmp_path / 'audit.sqlite'}")
        assert audit.statuses() == ["success"]
        with project.connection() as conn:
            tables = sorted(inspect(conn).get_table_names())
        assert tables == ["delembic_database", "delembic_version", "t"]

    def test_values_of_statement_parameters_stay_out_of_it(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            "from sqlalchemy import text\n"
            "name = 'Ann ' + 'Example'\n"
            "conn.execute(text('INSERT INTO nowhere VALUES (:name)'), {'name': name})",
        )

        with pytest.raises(MigrationFailedError) as caught:
            project.upgrade()

        (attempt,) = project.attempts()
        assert "INSERT INTO nowhere" in attempt.exception
        assert "Ann Example" not in attempt.exception
        assert "Ann Example" not in str(caught.value)

    def test_they_are_shown_to_who_asks_for_them(self, project: ProjectFolder) -> None:
        project.configure(hide_parameters="false")
        project.migration(
            "D001",
            "from sqlalchemy import text\n"
            "name = 'Ann ' + 'Example'\n"
            "conn.execute(text('INSERT INTO nowhere VALUES (:name)'), {'name': name})",
        )

        with pytest.raises(MigrationFailedError, match="Ann Example"):
            project.upgrade()


def _rows_that_may_be_wrong(project: ProjectFolder) -> list[str]:
    with project.connection() as conn:
        return [attempt.revision for attempt in Ledger(conn, Program(), Share(None)).unproven()]


def _same_project(project: ProjectFolder) -> ProjectFolder:
    """The same project for a second runner, which keeps events of its own."""
    other = object.__new__(ProjectFolder)
    other.root, other.url, other.events = project.root, project.url, []
    return other


def _run_and_die(project: ProjectFolder, preparation: str) -> int:
    """Upgrade in a process of its own that is expected to be killed; return its exit code."""
    lines = ["import os, support.newly_supported", preparation, "from delembic.cli import main"]
    script = "\n".join([*lines, "main(['upgrade'])"])
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.root,
        env=os.environ | {"KILL": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
        timeout=PATIENCE_SECONDS,
    ).returncode
