"""An end of the transaction that went past SQLAlchemy counts before one that did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic.errors import MigrationFailedError
from delembic.events import Failed, TransactionEnded
from support.projects import ProjectFolder
from support.servers.backend import Backend

ONE = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"
TWO = "conn.exec_driver_sql('INSERT INTO t VALUES (2)')"
DRIVER = "driver = conn.connection.driver_connection"
ROLLBACKS = {
    "the driver's": f"{DRIVER}; driver.rollback()",
    "a statement": "conn.exec_driver_sql('ROLLBACK')",
}
COMMITS = {
    "the driver's": f"{DRIVER}; driver.commit()",
    "a statement": "conn.exec_driver_sql('COMMIT')",
}


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    return project


def _failed(project: ProjectFolder) -> tuple[MigrationFailedError, Failed]:
    with pytest.raises(MigrationFailedError) as caught:
        project.upgrade()
    (failed,) = [each for each in project.events if isinstance(each, Failed)]
    return caught.value, failed


@pytest.mark.parametrize("rollback", ROLLBACKS.values(), ids=ROLLBACKS)
def test_a_commit_after_a_rollback_does_not_make_a_success_of_it(
    project: ProjectFolder, rollback: str
) -> None:
    project.migration("D001", f"{ONE}\n{rollback}\n{TWO}\nconn.commit()")

    failure, failed = _failed(project)

    assert "was rolled back" in failure.reason
    assert not failed.rolled_back
    assert [row.x for row in project.rows("SELECT x FROM t")] == [2]
    assert project.states() == {"D001": "failed"}


@pytest.mark.parametrize("commit", COMMITS.values(), ids=COMMITS)
def test_a_rollback_after_a_commit_loses_only_what_came_since(
    project: ProjectFolder, commit: str
) -> None:
    project.migration("D001", f"{ONE}\n{commit}\n{TWO}\nconn.rollback()")

    project.upgrade()

    assert TransactionEnded("D001") in project.events
    assert [row.x for row in project.rows("SELECT x FROM t")] == [1]


@pytest.mark.parametrize("commit", COMMITS.values(), ids=COMMITS)
def test_a_failure_after_a_commit_and_a_rollback_is_not_called_rolled_back(
    project: ProjectFolder, commit: str
) -> None:
    project.migration("D001", f"{ONE}\n{commit}\nconn.rollback()\nraise ValueError('no rows')")

    failure, failed = _failed(project)

    assert failure.reason == "ValueError: no rows"
    assert not failed.rolled_back
    assert [row.x for row in project.rows("SELECT x FROM t")] == [1]


def test_a_rollback_before_the_drivers_autocommit_is_a_failure(
    project: ProjectFolder, backend: Backend
) -> None:
    if backend.name == "sqlite":
        pytest.skip("its driver has no such mode that statements could be sent in")
    switch = "autocommit(True)" if backend.name == "mariadb" else "autocommit = True"
    project.migration("D001", f"{ONE}\n{DRIVER}\ndriver.rollback()\ndriver.{switch}\n{TWO}")

    failure, failed = _failed(project)

    assert "was rolled back" in failure.reason
    assert not failed.rolled_back
    assert [row.x for row in project.rows("SELECT x FROM t")] == [2]


def test_postgresql_commits_nothing_after_an_error_that_was_caught(
    postgresql_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    project.migration(
        "D001",
        f"""
        {ONE}
        try:
            conn.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
        except Exception:
            pass
        conn.commit()
        """,
    )

    failure, failed = _failed(project)

    assert "An error was caught in D001" in failure.reason
    assert 'relation "nowhere" does not exist' in failure.reason
    assert failed.rolled_back
    assert project.value("SELECT count(*) FROM t") == 0


def test_an_error_is_not_hidden_by_a_savepoint_of_a_session_that_is_over(
    project: ProjectFolder,
) -> None:
    project.migration(
        "D001",
        f"""
        {ONE}
        nested = conn.begin_nested()
        conn.connection.driver_connection.close()
        raise ValueError("no rows")
        """,
    )

    failure, failed = _failed(project)

    assert failure.reason == "ValueError: no rows"
    assert failed.rolled_back
    assert project.value("SELECT count(*) FROM t") == 0


def test_mariadb_has_committed_what_was_before_ddl_in_a_savepoint(
    mariadb_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    project.migration(
        "D001",
        f"""
        nested = conn.begin_nested()
        {ONE}
        conn.exec_driver_sql("CREATE TABLE made (x INTEGER)")
        nested.commit()
        """,
    )

    failure, failed = _failed(project)

    assert "SAVEPOINT" in failure.reason
    assert not failed.rolled_back
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.statuses() == ["failed"]


def test_postgresql_tells_of_a_commit_in_a_session_that_is_over(
    postgresql_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    end = f"from support.sessions import end_all_sessions; end_all_sessions({postgresql_url!r})"
    project.migration("D001", f"{ONE}\nconn.exec_driver_sql('COMMIT')\n{end}\n{TWO}")

    _, failed = _failed(project)

    assert not failed.rolled_back
    assert [row.x for row in project.rows("SELECT x FROM t")] == [1]


def test_what_a_failing_attempt_has_left_open_in_autocommit_mode_is_not_committed(
    mariadb_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    project.migration(
        "D001",
        f"""
        conn.exec_driver_sql("SET autocommit = 1")
        conn.exec_driver_sql("ROLLBACK AND CHAIN")
        {ONE}
        """,
    )

    failure, _ = _failed(project)

    assert "was rolled back" in failure.reason
    assert project.value("SELECT count(*) FROM t") == 0
