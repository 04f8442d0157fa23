"""The tables of delembic: made anew, taken over from delembic 1.x, and read as they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, create_engine, event, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from delembic import commands
from delembic.audit.marks import read_marks
from delembic.audit.share import Share
from delembic.audit.tables import ensure, history_table, read, version_table
from delembic.errors import MigrationFailedError
from delembic.history.log import read_latest
from support.projects import ProjectFolder
from support.servers.backend import Backend

TABLES = [version_table, history_table]
MANY = 4

MOMENT = {"sqlite": "DATETIME", "postgresql": "TIMESTAMP WITH TIME ZONE", "mariadb": "DATETIME"}
NUMBERED = {
    "sqlite": "INTEGER PRIMARY KEY",
    "postgresql": "SERIAL PRIMARY KEY",
    "mariadb": "INTEGER AUTO_INCREMENT PRIMARY KEY",
}


def make_old_tables(backend: Backend) -> None:
    """What delembic 1.x made, with a revision that it applied and one that it failed at."""
    moment = MOMENT[backend.name]
    zone = "+00:00" if backend.name == "postgresql" else ""
    then = f"'2024-01-15 10:30:00{zone}'"
    with connection(backend) as conn:
        for statement in (
            f"CREATE TABLE delembic_version (revision VARCHAR(255) PRIMARY KEY,"
            f" applied_at {moment}, status VARCHAR(50) NOT NULL, execution_time_seconds FLOAT)",
            f"CREATE TABLE delembic_run_history (id {NUMBERED[backend.name]},"
            f" revision VARCHAR(255) NOT NULL, started_at {moment} NOT NULL, ended_at {moment},"
            " duration_seconds FLOAT, status VARCHAR(50) NOT NULL, exception TEXT,"
            " username VARCHAR(255), hostname VARCHAR(255))",
            f"INSERT INTO delembic_version VALUES ('D001', {then}, 'success', 1.5),"
            f" ('D002', {then}, 'failed', 0.5)",
            "INSERT INTO delembic_run_history (revision, started_at, status, username, hostname)"
            f" VALUES ('D001', {then}, 'success', 'ann', 'db1'),"
            f" ('D002', {then}, 'failed', 'ann', 'db1')",
        ):
            conn.exec_driver_sql(statement)


@contextmanager
def connection(backend: Backend) -> Iterator[Connection]:
    engine = create_engine(backend.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        yield conn


def shape(backend: Backend, table: Table) -> tuple[set[str], set[str], set[str]]:
    """The names of a table's columns, and of those with an index, unique ones apart."""
    with connection(backend) as conn:
        inspector = inspect(conn)
        indexes = inspector.get_indexes(table.name)
        return (
            {column["name"] for column in inspector.get_columns(table.name)},
            {str(index["column_names"]) for index in indexes if not index["unique"]},
            {str(index["column_names"]) for index in indexes if index["unique"]},
        )


def at_once(action: Callable[[], None]) -> None:
    """Do the same several times at the same moment."""
    start = threading.Barrier(MANY)

    def act(number: int) -> None:
        start.wait()
        action()

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(act, range(MANY)))


class TestMaking:
    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_a_missing_table_is_made_with_all_its_columns(
        self, backend: Backend, table: Table
    ) -> None:
        with connection(backend) as conn:
            ensure(conn, table)

        assert shape(backend, table)[0] == set(table.columns.keys())

    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_once_it_is_there_nothing_is_done_to_it(self, backend: Backend, table: Table) -> None:
        with connection(backend) as conn:
            ensure(conn, table)
            before = shape(backend, table)
            ensure(conn, table)

        assert shape(backend, table) == before

    def test_attempts_are_found_by_an_index_and_named_only_once(self, backend: Backend) -> None:
        with connection(backend) as conn:
            ensure(conn, history_table)

        _, plain, unique = shape(backend, history_table)
        assert plain == {"['revision']"}
        assert unique == {"['run_id']"}

    def test_several_may_make_them_at_the_same_moment(self, backend: Backend) -> None:
        def make() -> None:
            with connection(backend) as conn:
                for table in TABLES:
                    ensure(conn, table)

        at_once(make)

        for table in TABLES:
            assert shape(backend, table)[0] == set(table.columns.keys())


class TestTakingOver:
    """A database of delembic 1.x."""

    @pytest.fixture(autouse=True)
    def _old_tables(self, backend: Backend) -> None:
        make_old_tables(backend)

    def test_what_is_missing_is_added(self, backend: Backend) -> None:
        with connection(backend) as conn:
            for table in TABLES:
                ensure(conn, table)

        assert shape(backend, version_table)[0] == set(version_table.columns.keys())
        columns, plain, unique = shape(backend, history_table)
        assert columns == set(history_table.columns.keys())
        assert plain == {"['revision']"}
        assert unique == {"['run_id']"}

    def test_it_is_then_what_a_new_one_would_be(self, backend: Backend) -> None:
        taken_over = [self._made(backend, table) for table in TABLES]
        with connection(backend) as conn:
            for table in TABLES:
                conn.exec_driver_sql(f"DROP TABLE {table.name}")

        assert [self._made(backend, table) for table in TABLES] == taken_over

    def test_times_without_a_zone_are_taken_for_utc_and_keep_their_moment(
        self, backend: Backend
    ) -> None:
        if backend.name != "postgresql":
            pytest.skip("only PostgreSQL has both kinds of column")
        with connection(backend) as conn:
            conn.exec_driver_sql(
                "ALTER TABLE delembic_version ALTER COLUMN applied_at TYPE TIMESTAMP"
                " USING applied_at AT TIME ZONE 'UTC'"
            )
            conn.exec_driver_sql("SET TIME ZONE 'Asia/Tokyo'")
            ensure(conn, version_table)

            assert read_marks(conn)["D001"].applied_at == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

    @staticmethod
    def _made(backend: Backend, table: Table) -> object:
        """All that can be told of a table, once it is seen to."""
        with connection(backend) as conn:
            ensure(conn, table)
            inspector = inspect(conn)
            columns = {
                c["name"]: (c["type"]._type_affinity, getattr(c["type"], "timezone", None))
                for c in inspector.get_columns(table.name)
            }
            key = inspector.get_pk_constraint(table.name)["constrained_columns"]
            return columns, key, shape(backend, table)

    def test_rows_stay_as_they_are(self, backend: Backend) -> None:
        queries = [
            "SELECT revision, applied_at, status, execution_time_seconds FROM delembic_version",
            "SELECT id, revision, started_at, status, username FROM delembic_run_history",
        ]
        with connection(backend) as conn:
            before = [conn.execute(text(query)).all() for query in queries]
            for table in TABLES:
                ensure(conn, table)
            assert [conn.execute(text(query)).all() for query in queries] == before

            (row, _) = read(conn, history_table, lambda query, columns: query.order_by("id"))
        assert (row.username, row.run_id, row.checksum, row.recovered) == ("ann", None, None, None)

    def test_several_may_do_it_at_the_same_moment(self, backend: Backend) -> None:
        def take_over() -> None:
            with connection(backend) as conn:
                for table in TABLES:
                    ensure(conn, table)

        at_once(take_over)

        for table in TABLES:
            assert shape(backend, table)[0] == set(table.columns.keys())
        assert shape(backend, history_table)[2] == {"['run_id']"}

    def test_one_that_is_slower_than_another_at_each_step_ends_well(self, backend: Backend) -> None:
        with connection(backend) as faster, connection(backend) as slower:

            def overtake(conn: Connection, cursor: Any, statement: str, *rest: Any) -> None:
                if statement.startswith(("ALTER", "CREATE")):
                    faster.exec_driver_sql(statement)

            event.listen(slower, "before_cursor_execute", overtake)
            for table in TABLES:
                ensure(slower, table)

        for table in TABLES:
            assert shape(backend, table)[0] == set(table.columns.keys())

    def test_it_is_read_as_it_is_and_not_written_to(self, backend: Backend) -> None:
        before = [shape(backend, table) for table in TABLES]

        with connection(backend) as conn:
            marks = read_marks(conn)
            latest = read_latest(conn, Share(None))

        assert {name: mark.applied for name, mark in marks.items()} == {"D001": True, "D002": False}
        assert marks["D001"].applied_at == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        assert (marks["D001"].attempt_id, marks["D001"].checksum) == (None, None)
        assert (latest["D002"].status, latest["D002"].who) == ("failed", "ann@db1")
        assert latest["D002"].attempt is None
        assert [shape(backend, table) for table in TABLES] == before

    def test_work_goes_on_where_it_was_left(self, backend: Backend, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", backend.url)
        project.migration("D001", "raise ValueError('applied long ago')")
        project.migration("D002", depends_on=("D001",))
        assert project.states() == {"D001": "applied", "D002": "failed"}

        project.upgrade()

        assert project.states() == {"D001": "applied", "D002": "applied"}
        attempts = [(row.revision, row.attempt, row.status) for row in project.attempts()]
        assert attempts == [
            ("D001", None, "success"),
            ("D002", None, "failed"),
            ("D002", 2, "success"),
        ]
        (first, _) = commands.history(project.config)
        assert first.applied_at == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

    def test_a_long_error_fits_into_the_old_column(self, backend: Backend, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", backend.url)
        project.migration("D003", "raise ValueError('Ä€𝄞' * 30_000 + ' the end')")

        with pytest.raises(MigrationFailedError):
            project.upgrade("D003")

        (attempt,) = project.attempts("D003")
        assert attempt.status == "failed"
        assert attempt.exception.endswith("the end\n")


class TestReading:
    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
    def test_where_there_is_no_table_there_are_no_rows(
        self, backend: Backend, table: Table
    ) -> None:
        with connection(backend) as conn:
            assert read(conn, table) == []
            assert inspect(conn).get_table_names() == []


class TestColumns:
    def test_times_keep_their_microseconds_and_come_back_in_utc(self, backend: Backend) -> None:
        here = timezone(timedelta(hours=5, minutes=30))
        written = datetime(2024, 3, 31, 1, 2, 3, 456789, tzinfo=here)
        with connection(backend) as conn:
            ensure(conn, version_table)
            conn.execute(
                insert(version_table), {"revision": "D", "applied_at": written, "status": "x"}
            )

            found = conn.execute(select(version_table.c.applied_at)).scalar_one()

        assert found == written
        assert found.utcoffset() == timedelta(0)

    def test_no_time_comes_back_as_none(self, backend: Backend) -> None:
        with connection(backend) as conn:
            ensure(conn, version_table)
            conn.execute(
                insert(version_table), {"revision": "D", "applied_at": None, "status": "x"}
            )

            assert conn.execute(select(version_table.c.applied_at)).scalar_one() is None

    def test_a_revision_is_marked_only_once_and_by_its_exact_name(self, backend: Backend) -> None:
        with connection(backend) as conn:
            ensure(conn, version_table)
            for revision in ("Dé", "DE", "de", "De"):
                conn.execute(insert(version_table), {"revision": revision, "status": "x"})

            with pytest.raises(IntegrityError):
                conn.execute(insert(version_table), {"revision": "DE", "status": "x"})

    def test_seconds_keep_their_fractions(self, backend: Backend) -> None:
        with connection(backend) as conn:
            ensure(conn, version_table)
            values = {"revision": "D", "status": "x", "execution_time_seconds": 86_400.123456}
            conn.execute(insert(version_table), values)

            found = conn.execute(select(version_table.c.execution_time_seconds)).scalar_one()

        assert found == pytest.approx(86_400.123456, abs=1e-6)

    def test_a_count_of_rows_may_have_64_bits_in_an_older_table_too(self, backend: Backend) -> None:
        with connection(backend) as conn:
            ensure(conn, history_table)
            if backend.name != "sqlite":  # whose integers have 64 bits
                alter = {"postgresql": "ALTER COLUMN {} TYPE", "mariadb": "MODIFY COLUMN {}"}
                change = alter[backend.name].format("rows_affected")
                conn.exec_driver_sql(f"ALTER TABLE delembic_run_history {change} INTEGER")
            ensure(conn, history_table)
            conn.execute(
                insert(history_table).values(
                    revision="D001", started_at=datetime.now(UTC), status="x", rows_affected=2**40
                )
            )

            assert conn.execute(select(history_table.c.rows_affected)).scalar_one() == 2**40
