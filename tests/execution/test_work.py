"""What the work connection knows of its transaction."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from delembic.execution import attempt, work
from delembic.execution.witness import transaction_status
from delembic.execution.work import await_end, open_work
from support.projects import PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend


def test_the_end_of_a_transaction_is_waited_for(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(postgresql_url, poolclass=NullPool)
    asked_twice = threading.Event()
    answers: list[str | None] = []

    def asked(conn: Connection, transaction_id: int | None) -> str | None:
        answers.append(transaction_status(conn, transaction_id))
        if len(answers) == 2:
            asked_twice.set()
        return answers[-1]

    monkeypatch.setattr(work, "transaction_status", asked)
    with engine.connect() as conn, ThreadPoolExecutor() as pool:
        transaction_id = conn.execute(text("SELECT txid_current()")).scalar_one()
        waiting = pool.submit(await_end, engine, transaction_id)
        assert asked_twice.wait(PATIENCE_SECONDS)
        conn.commit()
        waiting.result(PATIENCE_SECONDS)

    assert answers[0] == "in progress"
    assert answers[-1] == "committed"


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
    monkeypatch.setattr(attempt, "await_end", lambda engine, id_: waited_for.append(id_))

    project.upgrade()

    with project.connection() as conn:
        assert len(waited_for) == 1
        assert transaction_status(conn, waited_for[0]) == "committed"


def test_rows_are_counted_for_changes_and_not_for_reads(backend: Backend) -> None:
    engine = create_engine(backend.url, poolclass=NullPool)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (x INTEGER)"))

    with open_work(engine) as begun, begun.counting_rows():
        begun.conn.execute(text("INSERT INTO t VALUES (:x)"), [{"x": x} for x in range(5)])
        begun.conn.execute(text("SELECT * FROM t")).all()
        begun.conn.execute(text("UPDATE t SET x = 9 WHERE x < 2"))
        begun.conn.execute(text("DELETE FROM t WHERE x = 4"))

        assert begun.rows_affected == 5 + 2 + 1


def test_what_is_not_committed_is_rolled_back(backend: Backend) -> None:
    engine = create_engine(backend.url, poolclass=NullPool)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (x INTEGER)"))

    with open_work(engine) as begun:
        begun.conn.execute(text("INSERT INTO t VALUES (1)"))

    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM t")).scalar_one() == 0


def test_a_users_own_sqlite_connection_gets_its_settings_back(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with open_work(engine):
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
        open_work(engine),
        engine.connect() as other,
        pytest.raises(OperationalError, match="database is locked"),
    ):
        other.execute(text("INSERT INTO t VALUES (1)"))
