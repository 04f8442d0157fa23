"""Whatever ends, loses or redirects a migration's transaction is told by its right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic import Phase
from delembic.errors import MigrationFailedError
from delembic.events import Failed, TransactionEnded
from support.projects import ProjectFolder
from support.servers.backend import Backend

TABLE = "CREATE TABLE t (x INTEGER PRIMARY KEY)"
ONE = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"
TWO = "conn.exec_driver_sql('INSERT INTO t VALUES (2)')"

ROLLBACKS = {
    "conn.rollback()": "conn.rollback()",
    "a session's": "from sqlalchemy.orm import Session; session = Session(bind=conn);"
    " session.connection(); session.rollback()",
    "the driver's": "conn.connection.driver_connection.rollback()",
    "a statement": "conn.exec_driver_sql('ROLLBACK')",
}


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute(TABLE)
    return project


def _failure(project: ProjectFolder) -> MigrationFailedError:
    with pytest.raises(MigrationFailedError) as caught:
        project.upgrade()
    return caught.value


@pytest.mark.parametrize("rollback", ROLLBACKS.values(), ids=ROLLBACKS)
def test_a_rollback_of_its_own_is_a_failure_and_nothing_stays(
    project: ProjectFolder, rollback: str
) -> None:
    project.migration("D001", f"{ONE}\n{rollback}\n{TWO}")

    failure = _failure(project)

    assert "was rolled back" in failure.reason
    assert "conn.begin_nested()" in failure.reason
    assert project.value("SELECT count(*) FROM t") == 0
    assert project.statuses() == ["failed"]
    assert project.states() == {"D001": "failed"}


def test_a_rollback_is_told_with_its_line(project: ProjectFolder) -> None:
    project.migration("D001", f"{ONE}\nconn.rollback()")

    assert "was rolled back in D001" in _failure(project).reason


def test_a_rollback_to_a_savepoint_is_fine(project: ProjectFolder) -> None:
    project.migration(
        "D001",
        f"{ONE}\nnested = conn.begin_nested()\n{TWO}\nnested.rollback()",
    )

    project.upgrade()

    assert project.value("SELECT count(*) FROM t") == 1
    assert TransactionEnded("D001") not in project.events


def test_a_rollback_after_a_commit_of_its_own_loses_only_what_came_since(
    project: ProjectFolder,
) -> None:
    project.migration("D001", f"{ONE}\nconn.commit()\n{TWO}\nconn.rollback()")

    project.upgrade()

    assert TransactionEnded("D001") in project.events
    assert project.value("SELECT count(*) FROM t") == 1


@pytest.mark.parametrize("rollback", ROLLBACKS.values(), ids=ROLLBACKS)
def test_a_failure_after_a_rollback_is_rolled_back(project: ProjectFolder, rollback: str) -> None:
    project.migration("D001", f"{ONE}\n{rollback}\n{TWO}\nraise ValueError('no rows')")

    assert _failure(project).reason == "ValueError: no rows"

    (failed,) = [each for each in project.events if isinstance(each, Failed)]
    assert failed.rolled_back
    assert project.value("SELECT count(*) FROM t") == 0


def test_work_in_the_drivers_autocommit_is_never_called_rolled_back(
    project: ProjectFolder, backend: Backend
) -> None:
    if backend.name == "sqlite":
        pytest.skip("its driver has no such mode that statements could be sent in")
    switch = "autocommit(True)" if backend.name == "mariadb" else "autocommit = True"
    project.migration(
        "D001",
        f"""
        driver = conn.connection.driver_connection
        driver.rollback()
        driver.{switch}
        {ONE}
        raise ValueError('no rows')
        """,
    )

    failure = _failure(project)

    (failed,) = [each for each in project.events if isinstance(each, Failed)]
    assert not failed.rolled_back
    assert "stays" in failure.remedy
    assert project.value("SELECT count(*) FROM t") == 1


def test_an_engine_in_autocommit_gets_a_transaction(backend: Backend, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", "")
    project.write(
        "delembic/env.py",
        f"""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool
        def get_engine():
            return create_engine(
                {backend.url!r}, poolclass=NullPool, isolation_level="AUTOCOMMIT"
            )
        """,
    )
    project.url = backend.url
    project.execute(TABLE)
    project.migration("D001", f"{ONE}\nraise ValueError('no rows')")

    _failure(project)

    assert project.value("SELECT count(*) FROM t") == 0


class TestCommitThatFails:
    """An error that COMMIT itself raises is no commit."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def project(self, request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFolder:
        url = request.getfixturevalue(f"{request.param}_url")
        project = ProjectFolder(tmp_path / "project", "" if request.param == "sqlite" else url)
        if request.param == "sqlite":
            project.url = url
            project.write(
                "delembic/env.py",
                f"""
                from sqlalchemy import create_engine, event
                from sqlalchemy.pool import NullPool
                engine = create_engine({url!r}, poolclass=NullPool)
                @event.listens_for(engine, "connect")
                def enforce(connection, record):
                    connection.execute("PRAGMA foreign_keys = ON")
                def get_engine():
                    return engine
                """,
            )
        project.execute(
            "CREATE TABLE parent (x INTEGER PRIMARY KEY)",
            "CREATE TABLE child (x INTEGER REFERENCES parent (x) DEFERRABLE INITIALLY DEFERRED)",
        )
        return project

    @pytest.mark.parametrize("own", ["", "conn.commit()"], ids=["delembic's", "its own"])
    def test_a_deferred_constraint_is_told_as_a_failure_that_was_rolled_back(
        self, project: ProjectFolder, own: str
    ) -> None:
        project.migration("D001", f"conn.exec_driver_sql('INSERT INTO child VALUES (1)')\n{own}")

        failure = _failure(project)

        (failed,) = [each for each in project.events if isinstance(each, Failed)]
        assert failed.rolled_back
        assert failure.reason.startswith("IntegrityError: ")
        assert failure.phase == (Phase.UPGRADE if own else Phase.COMMIT)
        assert "rolled back" in failure.remedy
        assert project.value("SELECT count(*) FROM child") == 0


class TestPostgresql:
    @pytest.fixture
    def project(self, postgresql_url: str, tmp_path: Path) -> ProjectFolder:
        project = ProjectFolder(tmp_path / "project", postgresql_url)
        project.execute(TABLE)
        return project

    def test_an_error_that_was_caught_is_named_with_its_line(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            f"""
            {ONE}
            try:
                conn.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
            except Exception:
                pass
            """,
        )

        failure = _failure(project)

        assert "An error was caught in D001" in failure.reason
        assert 'relation "nowhere" does not exist' in failure.reason
        assert "conn.begin_nested()" in failure.reason
        assert project.value("SELECT count(*) FROM t") == 0

    @pytest.mark.parametrize(
        "other", ["SET ROLE etl", "SET LOCAL ROLE etl", "SET SESSION AUTHORIZATION etl"]
    )
    def test_the_session_comes_back_from_another_role(
        self, project: ProjectFolder, other: str
    ) -> None:
        project.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'etl')"
            " THEN CREATE ROLE etl; END IF; END $$",
            "GRANT ALL ON t TO etl",
        )
        project.migration("D001", f"conn.exec_driver_sql('{other}')\n{ONE}")

        project.upgrade()

        assert project.states() == {"D001": "applied"}


class TestMariadb:
    @pytest.fixture
    def project(self, mariadb_url: str, tmp_path: Path) -> ProjectFolder:
        project = ProjectFolder(tmp_path / "project", mariadb_url)
        project.execute(TABLE, "CREATE TABLE plain (x INTEGER) ENGINE = MyISAM")
        return project

    @pytest.mark.parametrize(
        "end",
        [
            "raise ValueError('x')",
            "conn.rollback()",
            f"conn.rollback()\n{ONE}",
            f"Session(bind=conn).rollback()\n{ONE}",
            f"conn.rollback()\n{ONE}\nconn.rollback()\nraise ValueError('x')",
        ],
        ids=["raises", "rolls back", "goes on", "rolls its session back", "rolls back twice"],
    )
    def test_tables_without_transactions_are_named(self, project: ProjectFolder, end: str) -> None:
        project.migration(
            "D001",
            f"{ONE}\nconn.exec_driver_sql('INSERT INTO plain VALUES (1)')\n{end}",
            head="from sqlalchemy.orm import Session",
        )

        failure = _failure(project)

        (failed,) = [each for each in project.events if isinstance(each, Failed)]
        assert not failed.rolled_back
        assert "tables without transactions" in failure.remedy
        assert project.value("SELECT count(*) FROM t") == 0
        assert project.value("SELECT count(*) FROM plain") == 1

    def test_locks_of_tables_that_were_left_are_given_back(self, project: ProjectFolder) -> None:
        project.migration("D001", f"conn.exec_driver_sql('LOCK TABLES t WRITE')\n{ONE}")

        project.upgrade()

        assert TransactionEnded("D001") in project.events
        assert project.states() == {"D001": "applied"}


class TestSqlite:
    @pytest.fixture
    def project(self, sqlite_url: str, tmp_path: Path) -> ProjectFolder:
        project = ProjectFolder(tmp_path / "project", sqlite_url)
        project.execute(TABLE)
        return project

    def test_a_conflict_clause_that_rolls_back_is_a_failure(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            f"""
            {ONE}
            try:
                conn.exec_driver_sql("INSERT OR ROLLBACK INTO t VALUES (1)")
            except Exception:
                pass
            """,
        )

        assert "was rolled back" in _failure(project).reason
        assert project.value("SELECT count(*) FROM t") == 0

    def test_a_cursor_left_half_read_holds_no_lock_on_a_connection_that_is_given_up(
        self, project: ProjectFolder
    ) -> None:
        project.configure(lock_timeout="0.2")
        project.execute("INSERT INTO t VALUES (1), (2)")
        project.migration(
            "D001",
            """
            result = conn.exec_driver_sql("SELECT * FROM t")
            result.fetchone()
            conn.invalidate()
            raise ValueError("no rows")
            """,
        )

        _failure(project)

        assert project.statuses() == ["failed"]

    def test_an_error_is_not_hidden_by_a_connection_that_the_driver_has_closed(
        self, project: ProjectFolder
    ) -> None:
        project.migration(
            "D001",
            "conn.connection.driver_connection.close()\nraise ValueError('no rows')",
        )

        assert _failure(project).reason == "ValueError: no rows"

    def test_a_script_that_commits_is_told(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            "conn.connection.driver_connection.executescript('INSERT INTO t VALUES (1);')",
        )

        project.upgrade()

        assert TransactionEnded("D001") in project.events
