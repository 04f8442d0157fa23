"""What the work connection knows of its transaction."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from delembic.database.dialects.postgresql import PostgreSQL
from delembic.database.dialects.transaction_ids import transaction_status
from delembic.execution.work.course import Course
from delembic.execution.work.rows import counting_rows
from delembic.execution.work.transaction import open_transaction
from support.projects import ProjectFolder
from support.servers.backend import Backend


def test_an_attempt_whose_commit_was_cut_off_waits_for_its_transaction_to_end(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.migration(
        "D001",
        """
        from sqlalchemy.exc import OperationalError
        commit = conn.commit
        def cut_off():
            commit()
            raise OperationalError("COMMIT", None, Exception("connection lost"))
        conn.commit = cut_off
        """,
    )
    waited_for: list[int | None] = []

    def await_end(kind: PostgreSQL, engine: Engine, transaction_id: int | None) -> bool:
        waited_for.append(transaction_id)
        return True

    monkeypatch.setattr(PostgreSQL, "await_end", await_end)

    project.upgrade()

    with project.connection() as conn:
        assert len(waited_for) == 1
        assert transaction_status(conn, waited_for[0]) == "committed"


def test_rows_are_counted_for_changes_and_not_for_reads(backend: Backend) -> None:
    engine = create_engine(backend.url, poolclass=NullPool)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (x INTEGER)"))

    course = Course()
    with open_transaction(engine) as begun, counting_rows(begun.conn, course, print):
        begun.conn.execute(text("INSERT INTO t VALUES (:x)"), [{"x": x} for x in range(5)])
        begun.conn.execute(text("SELECT * FROM t")).all()
        begun.conn.execute(text("UPDATE t SET x = 9 WHERE x < 2"))
        begun.conn.execute(text("DELETE FROM t WHERE x = 4"))

        assert course.rows_affected == 5 + 2 + 1


def test_what_is_not_committed_is_rolled_back(backend: Backend) -> None:
    engine = create_engine(backend.url, poolclass=NullPool)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (x INTEGER)"))

    with open_transaction(engine) as begun:
        begun.conn.execute(text("INSERT INTO t VALUES (1)"))

    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM t")).scalar_one() == 0


def test_a_users_own_sqlite_connection_gets_its_settings_back(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with open_transaction(engine):
        pass

    with engine.connect() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        assert driver.isolation_level == ""


def test_the_write_lock_of_sqlite_is_taken_at_once(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url, poolclass=NullPool, connect_args={"timeout": 0})
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (x INTEGER)"))

    with (
        open_transaction(engine),
        engine.connect() as other,
        pytest.raises(OperationalError, match="database is locked"),
    ):
        other.execute(text("INSERT INTO t VALUES (1)"))
