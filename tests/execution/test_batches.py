"""Work in batches, held against every database: each row is done exactly once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy import text

from delembic import commands
from delembic.errors import (
    MigrationFailedError,
    MigrationFileError,
    MigrationPausedError,
    NotBatchedError,
    OtherBatchesError,
    TimeIsUpError,
    UnfitBatchesError,
)
from delembic.events import (
    BatchDone,
    BatchRetried,
    Finished,
    Paused,
    Resuming,
    RowSkipped,
    TransactionEnded,
)
from support import batched
from support.batched import counting_migration
from support.projects import ProjectFolder
from support.servers.backend import Backend

ROWS = 1_000

_Event = TypeVar("_Event")

_PAUSING = """
    def throttle(self, conn):
        from delembic import Config, commands
        config = Config.load({ini!r})
        (progress,) = commands.progress(config)
        if progress.batches == 3:
            commands.pause(config, 'D001')
"""


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """A project with a table ``t`` of a thousand rows, whose keys have gaps."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0)")
    with project.connection() as conn:
        rows = [{"id": 7 * number} for number in range(1, ROWS + 1)]
        conn.execute(text("INSERT INTO t (id) VALUES (:id)"), rows)
    return project


def write(project: ProjectFolder, body: str = "", **settings: str) -> None:
    """Write a migration that counts each row once, and stops where a test wants it to."""
    (project.versions / "D001.py").write_text(counting_migration(body, table="t", **settings))


fail_after = partial(batched.fail_after, table="t")
counts = partial(batched.counts, table="t")


def events(project: ProjectFolder, kind: type[_Event]) -> list[_Event]:
    return [event for event in project.events if isinstance(event, kind)]


def _end_the_time_after(
    project: ProjectFolder, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let a run's clock jump ahead once something has happened in it."""

    def clock() -> float:
        return 1e9 if events(project, kind) else 0.0

    for module in ("run", "session"):
        monkeypatch.setattr(f"delembic.execution.{module}.monotonic", clock)


class TestTheWhole:
    def test_each_row_is_done_exactly_once(self, project: ProjectFolder) -> None:
        write(project)

        (outcome,) = project.upgrade()

        assert counts(project) == {1: ROWS}
        assert isinstance(outcome, Finished)
        assert outcome.rows_affected == ROWS
        assert project.statuses() == ["success"]
        assert [each.progress.rows for each in events(project, BatchDone)][-1] == ROWS
        assert len(events(project, BatchDone)) == ROWS / 100

    def test_a_second_upgrade_runs_nothing(self, project: ProjectFolder) -> None:
        write(project)
        project.upgrade()

        assert project.upgrade() == ()

        assert counts(project) == {1: ROWS}

    def test_a_failure_keeps_the_batches_before_it_and_the_next_upgrade_goes_on(
        self, project: ProjectFolder
    ) -> None:
        write(project, fail_after(3))
        with pytest.raises(MigrationFailedError, match="gone wrong") as failure:
            project.upgrade()
        assert counts(project)[1] < ROWS
        assert "goes on from there" in failure.value.remedy

        write(project)
        done = counts(project)[1]
        project.upgrade()

        (resuming,) = events(project, Resuming)
        assert resuming.progress.rows == done
        assert resuming.changed
        assert counts(project) == {1: ROWS}
        assert project.statuses() == ["failed", "success"]
        assert [row.rows_affected for row in project.attempts()] == [done, ROWS - done]

    def test_validate_runs_once_at_the_end_and_its_failure_keeps_all_batches(
        self, project: ProjectFolder
    ) -> None:
        check = "    def validate(self, conn):\n        assert False, 'not yet'\n"
        write(project)
        path = project.versions / "D001.py"
        good = path.read_text()
        path.write_text(good + check)
        with pytest.raises(MigrationFailedError, match="not yet"):
            project.upgrade()
        assert counts(project) == {1: ROWS}
        assert project.states() == {"D001": "failed"}

        path.write_text(good)
        project.upgrade()

        assert events(project, BatchDone) == []
        assert counts(project) == {1: ROWS}
        assert project.states() == {"D001": "applied"}

    def test_prepare_runs_once_however_often_the_work_is_begun(
        self, project: ProjectFolder
    ) -> None:
        project.execute("CREATE TABLE prepared (x INTEGER)")
        prepare = """
    def prepare(self, conn):
        conn.exec_driver_sql('INSERT INTO prepared VALUES (1)')
"""
        for body in (fail_after(0), fail_after(2), ""):
            write(project, body)
            with (project.versions / "D001.py").open("a") as file:
                file.write(prepare)
            if body:
                with pytest.raises(MigrationFailedError):
                    project.upgrade()
        project.upgrade()

        assert project.value("SELECT count(*) FROM prepared") == 1
        assert counts(project) == {1: ROWS}

    def test_an_empty_table_is_done_at_once(self, project: ProjectFolder) -> None:
        project.execute("DELETE FROM t")
        write(project)

        (outcome,) = project.upgrade()

        assert isinstance(outcome, Finished)
        assert project.states() == {"D001": "applied"}

    def test_rows_that_arrive_beyond_the_end_are_left_alone(self, project: ProjectFolder) -> None:
        write(project, fail_after(3))
        with pytest.raises(MigrationFailedError):
            project.upgrade()
        project.execute("INSERT INTO t (id) VALUES (100000)")
        write(project)

        project.upgrade()

        assert counts(project) == {0: 1, 1: ROWS}

    def test_rows_that_are_deleted_meanwhile_are_no_obstacle(self, project: ProjectFolder) -> None:
        write(project, fail_after(3))
        with pytest.raises(MigrationFailedError):
            project.upgrade()
        project.execute("DELETE FROM t WHERE id > 3000")
        write(project)

        project.upgrade()

        assert set(counts(project)) == {1}


class TestSizes:
    def test_the_size_grows_while_batches_are_faster_than_they_should_be(
        self, project: ProjectFolder
    ) -> None:
        write(project, batch_seconds="60", batch_size="10", batch_size_limits="(10, 100_000)")

        project.upgrade()

        sizes = [each.progress.size for each in events(project, BatchDone)]
        assert sizes[:5] == [10, 20, 40, 80, 160]
        assert counts(project) == {1: ROWS}

    def test_a_batch_that_changes_nothing_is_no_end(self, project: ProjectFolder) -> None:
        write(project, batches="KeyRanges('t', where='id > 6000')")

        project.upgrade()

        assert counts(project) == {0: 857, 1: 143}


class TestBadRows:
    def test_a_batch_is_halved_down_to_the_row_that_fails(self, project: ProjectFolder) -> None:
        project.execute("UPDATE t SET n = 5 WHERE id = 2961")
        write(project, "assert 6 not in [row.n for row in batch.rows(conn, 'n')], 'six'")

        with pytest.raises(MigrationFailedError, match="id = 2961: AssertionError: six") as failure:
            project.upgrade()

        assert "max_skipped" not in str(failure.value)

        assert counts(project) == {0: 577, 1: 422, 5: 1}
        assert len(events(project, BatchRetried)) <= 8

    def test_rows_that_fail_are_left_out_and_recorded(self, project: ProjectFolder) -> None:
        project.execute("UPDATE t SET n = 5 WHERE id IN (2961, 2968, 7000)")
        write(
            project,
            "assert 6 not in [row.n for row in batch.rows(conn, 'n')], 'six'",
            on_error="'skip'",
            max_skipped="3",
        )

        project.upgrade()

        assert counts(project) == {1: 997, 5: 3}
        skipped = project.rows("SELECT place, exception FROM delembic_skipped ORDER BY id")
        assert [row.place for row in skipped] == ["id = 2961", "id = 2968", "id = 7000"]
        assert "six" in skipped[0].exception
        assert len(events(project, RowSkipped)) == 3

    def test_one_row_too_many_is_a_failure(self, project: ProjectFolder) -> None:
        project.execute("UPDATE t SET n = 5 WHERE id IN (7, 14)")
        write(
            project,
            "assert 6 not in [row.n for row in batch.rows(conn, 'n')], 'six'",
            on_error="'skip'",
            max_skipped="1",
        )

        with pytest.raises(MigrationFailedError, match=r"id = 14.*max_skipped = 1"):
            project.upgrade()

        assert counts(project) == {0: 998, 5: 2}


class TestStopping:
    def test_a_run_stops_when_its_time_is_up_and_the_next_one_goes_on(
        self, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(project)
        _end_the_time_after(project, BatchDone, monkeypatch)

        with pytest.raises(MigrationPausedError) as stop:
            project.upgrade(stop_after_seconds=60)

        (paused,) = events(project, Paused)
        assert stop.value.exit_code == 3
        assert project.statuses() == ["paused"]
        assert paused.progress.rows == 100
        assert project.states() == {"D001": "paused"}

        monkeypatch.undo()
        project.upgrade()

        assert counts(project) == {1: ROWS}

    def test_nothing_begins_after_the_time_is_up(
        self, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.migration("D001")
        project.migration("D002", depends_on=("D001",))
        _end_the_time_after(project, Finished, monkeypatch)

        with pytest.raises(TimeIsUpError, match="D002") as stop:
            project.upgrade(stop_after_seconds=60)

        assert stop.value.exit_code == 3
        assert project.states() == {"D001": "applied", "D002": "pending"}

    def test_what_is_paused_stops_after_its_batch_and_stays_so_until_it_is_resumed(
        self, project: ProjectFolder
    ) -> None:
        write(project)
        with (project.versions / "D001.py").open("a") as file:
            file.write(_PAUSING.format(ini=str(project.root / "delembic.ini")))
        with pytest.raises(MigrationPausedError) as stop:
            project.upgrade()
        assert stop.value.held
        assert project.states() == {"D001": "paused"}
        with pytest.raises(MigrationPausedError, match="delembic resume D001"):
            project.upgrade()
        assert project.statuses("D001").count("paused") == 1

        commands.resume(project.config, "D001")
        write(project)
        project.upgrade()

        assert counts(project) == {1: ROWS}

    def test_what_is_restarted_begins_anew(self, project: ProjectFolder) -> None:
        write(project, fail_after(3))
        with pytest.raises(MigrationFailedError):
            project.upgrade()
        done = counts(project)[1]

        forgotten = commands.restart(project.config, "D001")
        write(project)
        project.upgrade()

        assert forgotten.rows == done
        assert counts(project) == {1: ROWS - done, 2: done}

    def test_what_has_not_begun_or_is_applied_cannot_be_paused(
        self, project: ProjectFolder
    ) -> None:
        write(project)
        with pytest.raises(NotBatchedError, match="has not begun"):
            commands.pause(project.config, "D001")
        project.upgrade()

        with pytest.raises(NotBatchedError, match="is applied"):
            commands.pause(project.config, "D001")


class TestWhatHasChanged:
    @pytest.mark.parametrize(
        "batches", ["KeyRanges('t', where='n = 0')", "KeyRanges('u')", "KeyRanges('t', key='n')"]
    )
    def test_another_table_key_or_condition_is_refused(
        self, project: ProjectFolder, batches: str
    ) -> None:
        project.execute("CREATE TABLE u (id INTEGER PRIMARY KEY)")
        write(project, fail_after(3))
        with pytest.raises(MigrationFailedError):
            project.upgrade()
        write(project, batches=batches)

        with pytest.raises(OtherBatchesError, match="delembic restart D001"):
            project.upgrade()

        assert project.statuses() == ["failed"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("settings", "problem"),
        [
            ({"batches": "None"}, "has no batches"),
            ({"batches": "'t'"}, "cannot cut its work"),
            ({"batch_size": "0"}, "batch_size is 0"),
            ({"batch_seconds": "-1"}, "batch_seconds is -1"),
            ({"on_error": "'ignore'"}, "on_error is 'ignore'"),
            ({"on_error": "'skip'"}, "max_skipped is None"),
            ({"throttle": "['lag']"}, "throttle is"),
            ({"batch_size_limits": "(5, 1)"}, "batch_size_limits is"),
        ],
    )
    def test_an_attribute_that_is_wrong_is_refused_before_anything_runs(
        self, project: ProjectFolder, settings: dict[str, str], problem: str
    ) -> None:
        write(project, **settings)

        with pytest.raises(MigrationFileError, match=problem):
            project.upgrade()

        assert counts(project) == {0: ROWS}

    @pytest.mark.parametrize(
        ("batches", "problem"),
        [
            ("KeyRanges('nowhere')", "there is no table nowhere"),
            ("KeyRanges('t', key='x')", "has no column x"),
            ("KeyRanges('bare')", "has no primary key"),
            ("KeyRanges('bare', key='x')", "is NULL in some rows"),
        ],
    )
    def test_a_table_that_cannot_be_cut_is_refused_before_anything_runs(
        self, project: ProjectFolder, batches: str, problem: str
    ) -> None:
        project.execute("CREATE TABLE bare (x INTEGER)", "INSERT INTO bare VALUES (1), (NULL)")
        write(project, batches=batches)

        with pytest.raises(UnfitBatchesError, match=problem):
            project.upgrade()

        assert counts(project) == {0: ROWS}

    def test_a_batch_that_commits_is_refused_and_its_work_is_on_record(
        self, project: ProjectFolder
    ) -> None:
        write(project, "conn.commit()")
        with pytest.raises(MigrationFailedError, match="ended its transaction itself"):
            project.upgrade()
        assert counts(project) == {0: 900, 1: 100}

        write(project)
        project.upgrade()

        assert counts(project) == {1: ROWS}

    def test_a_run_that_was_taken_over_commits_no_further_batch(
        self, project: ProjectFolder
    ) -> None:
        write(
            project,
            "conn.exec_driver_sql(\"UPDATE delembic_checkpoint SET run_id = 'another'\")",
        )

        with pytest.raises(MigrationFailedError, match="another run has taken it over"):
            project.upgrade()

        assert counts(project) == {0: ROWS}


_Values = Callable[[int], tuple[object, int]]

_KEYS: dict[str, tuple[str, str | None, _Values]] = {
    "composite": ("a INTEGER, b INTEGER, PRIMARY KEY (a, b)", None, lambda n: (n // 10, n % 10)),
    "text": ("a VARCHAR(20) PRIMARY KEY, b INTEGER", None, lambda n: (f"key-{n}", 0)),
    "decimal": ("a NUMERIC(20, 4) PRIMARY KEY, b INTEGER", None, lambda n: (Decimal(n) / 4, 0)),
    "date": ("a DATE PRIMARY KEY, b INTEGER", None, lambda n: (f"2{n:03}-01-31", 0)),
    "moment": (
        "a TIMESTAMP PRIMARY KEY, b INTEGER",
        None,
        lambda n: (f"20{n:02}-01-31 12:34:56", 0),
    ),
    "uuid": (
        "a UUID PRIMARY KEY, b INTEGER",
        None,
        lambda n: (str(uuid5(NAMESPACE_URL, str(n))), 0),
    ),
    "not unique": ("a INTEGER NOT NULL, b INTEGER", "a", lambda n: (n // 10, n)),
    "huge": ("a BIGINT PRIMARY KEY, b INTEGER", None, lambda n: (n * 10**16, 0)),
}


class TestTheSession:
    def test_a_batch_that_fails_leaves_nothing_of_its_session_to_the_next_one(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        """Halved, it must not work on another database, or with another option."""
        leave = "conn.execution_options(schema_translate_map={None: 'nowhere'})"
        if backend.name == "mariadb":
            leave += "; conn.exec_driver_sql('USE information_schema')"
        project.execute("UPDATE t SET n = 5 WHERE id = 2961")
        write(
            project,
            f"""
            found = [row.n for row in batch.rows(conn, 'n')]
            {leave}
            assert 6 not in found, 'six'
            """,
            on_error="'skip'",
            max_skipped="1",
        )

        project.upgrade()

        assert counts(project) == {1: 999, 5: 1}

    def test_a_temporary_table_does_not_pass_for_the_checkpoints(
        self, project: ProjectFolder, backend: Backend
    ) -> None:
        write(
            project,
            "conn.exec_driver_sql('CREATE TEMPORARY TABLE delembic_checkpoint AS"
            " SELECT * FROM delembic_checkpoint')",
        )
        if backend.name == "mariadb":  # the others can name the schema of their own table
            with pytest.raises(MigrationFailedError, match="temporary table"):
                project.upgrade()
            assert counts(project) == {0: ROWS}
            return
        with pytest.raises(MigrationFailedError, match="already exists"):
            project.upgrade()  # in the second batch

        write(project)
        project.upgrade()

        assert counts(project) == {1: ROWS}

    def test_a_validate_that_commits_is_told(self, project: ProjectFolder) -> None:
        write(project)
        with (project.versions / "D001.py").open("a") as file:
            file.write("    def validate(self, conn):\n        conn.commit()\n")

        project.upgrade()

        assert len(events(project, TransactionEnded)) == 1
        assert project.states() == {"D001": "applied"}


class TestKeys:
    @pytest.mark.long
    @pytest.mark.parametrize("name", _KEYS)
    def test_any_key_cuts_every_row_once(self, project: ProjectFolder, name: str) -> None:
        columns, key, values = _KEYS[name]
        project.execute("DROP TABLE t", f"CREATE TABLE t (n INTEGER NOT NULL DEFAULT 0, {columns})")
        with project.connection() as conn:
            rows = [dict(zip("ab", values(number), strict=True)) for number in range(1, 38)]
            if conn.dialect.name == "sqlite":
                rows = [{**row, "a": _plain(row["a"])} for row in rows]
            conn.execute(text("INSERT INTO t (a, b) VALUES (:a, :b)"), rows)
        named = f", key={key!r}" if key else ""
        write(project, batches=f"KeyRanges('t'{named})", batch_size="7")

        project.upgrade()

        assert counts(project) == {1: 37}
        assert len(events(project, BatchDone)) > 2

    def test_a_large_table_needs_an_index_on_its_key(self, project: ProjectFolder) -> None:
        project.execute("CREATE TABLE wide (a INTEGER NOT NULL, n INTEGER)")
        with project.connection() as conn:
            rows = ", ".join(f"({number})" for number in range(1_000))
            conn.exec_driver_sql(f"INSERT INTO wide (a) VALUES {rows}")
            conn.exec_driver_sql(
                "INSERT INTO wide (a) SELECT x.a FROM wide x, wide y WHERE y.a < 101"
            )
        write(project, batches="KeyRanges('wide', key='a')")

        with pytest.raises(UnfitBatchesError, match="has no index"):
            project.upgrade()


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value
