"""Work that the database confirmed and has lost since is no success, and is applied again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGQUIT

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from delembic.errors import MigrationFailedError
from delembic.events import Failed, Reapplying, RecordDelayed
from delembic.execution.ending import Ending
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.servers.postgresql import standby_of
from support.servers.private import PrivateServer

INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"
LOSING = ("ALTER SYSTEM SET wal_writer_delay = '10s'", "ALTER SYSTEM SET synchronous_commit = off")
KEEPING = ("ALTER SYSTEM RESET wal_writer_delay", "ALTER SYSTEM RESET synchronous_commit")


@pytest.fixture
def project(postgresql_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration("D000")
    project.upgrade()
    project.migration("D001", INSERT)
    return project


@pytest.fixture
def losing_server(
    postgresql_server: PrivateServer, project: ProjectFolder
) -> Iterator[PrivateServer]:
    """A server that confirms a commit before it keeps it; what came before is kept."""
    _set(project, *LOSING)
    yield postgresql_server
    _set(project, *KEEPING)


def _set(project: ProjectFolder, *statements: str) -> None:
    engine = create_engine(project.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for statement in (*statements, "SELECT pg_reload_conf()", "CHECKPOINT"):
            conn.exec_driver_sql(statement)


def _crash(server: PrivateServer) -> None:
    server.stop(SIGQUIT)
    server.start()


def _around_finish(
    monkeypatch: pytest.MonkeyPatch, lose: Callable[[], None], *, recorded: bool
) -> None:
    """Lose what the server has not kept, before or after the success was recorded first."""
    original = Ending.finish

    def finish(ending: Ending, mark: object) -> object:
        if recorded:
            original(ending, mark)  # type: ignore[arg-type]  # passed on as it came
        lose()
        return original(ending, mark)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(Ending, "finish", finish)


@pytest.mark.parametrize("recorded", [False, True], ids=["not yet recorded", "recorded"])
def test_a_server_that_crashes_without_synchronous_commit_loses_no_migration(
    project: ProjectFolder,
    losing_server: PrivateServer,
    monkeypatch: pytest.MonkeyPatch,
    recorded: bool,
) -> None:
    _around_finish(monkeypatch, lambda: _crash(losing_server), recorded=recorded)
    with pytest.raises(MigrationFailedError, match="confirmed the commit, but has lost it"):
        project.upgrade()
    monkeypatch.undo()

    assert any(isinstance(event, Failed) for event in project.events)
    assert project.value("SELECT count(*) FROM t") == 0
    assert project.statuses("D001") == ["failed"]
    project.upgrade()
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.statuses("D001") == ["failed", "success"]


def test_the_tables_of_delembic_may_be_lost_with_the_first_migration(
    postgresql_url: str, losing_server: PrivateServer, project: ProjectFolder, tmp_path: Path
) -> None:
    project.execute("DROP TABLE delembic_version, delembic_run_history")
    _set(project, *LOSING)
    with pytest.MonkeyPatch.context() as monkeypatch:
        _around_finish(monkeypatch, lambda: _crash(losing_server), recorded=False)
        with pytest.raises(MigrationFailedError, match="has lost it"):
            project.upgrade("D000")

    assert any(isinstance(event, RecordDelayed) for event in project.events)
    project.upgrade()
    assert project.statuses() == ["success", "success"]
    assert project.value("SELECT count(*) FROM t") == 1


def test_a_standby_that_takes_over_without_the_commit_gets_it_again(
    project: ProjectFolder, postgresql_server: PrivateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with standby_of(postgresql_server) as standby:
        project.url = _either(project.url, standby.databases.server.port)
        project.configure()

        def fail_over() -> None:
            postgresql_server.stop(SIGQUIT)
            standby.start()
            with standby.databases.connection() as conn:
                conn.exec_driver_sql("SELECT pg_promote()")

        _around_finish(monkeypatch, fail_over, recorded=False)
        with pytest.raises(MigrationFailedError, match="has lost it"):
            project.upgrade()
        monkeypatch.undo()

        assert project.value("SELECT count(*) FROM t") == 0
        assert project.statuses("D001") == ["failed"]
        project.upgrade()
        assert project.value("SELECT count(*) FROM t") == 1
        assert project.states() == {"D000": "applied", "D001": "applied"}


def _either(url: str, port: int | None) -> str:
    """A URL that leads to whichever of two servers answers."""
    first = make_url(url)
    hosts = [f"{first.host}:{first.port}", f"{first.host}:{port}"]
    both = first.set(host=None, port=None).update_query_dict({"host": hosts})
    return both.render_as_string(hide_password=False)


def test_a_work_database_from_a_backup_gets_again_what_it_lacks_and_says_so(
    backend: Backend, tmp_path: Path
) -> None:
    """The audit log is elsewhere, and says that it was applied."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.configure(metadata_url=f"sqlite:///{tmp_path / 'audit.sqlite'}")
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration("D001", INSERT)
    project.upgrade()
    project.execute("DELETE FROM t", "DELETE FROM delembic_version")  # as the backup has it

    project.upgrade()

    assert Reapplying("D001", 1) in project.events
    assert project.value("SELECT count(*) FROM t") == 1
    project.upgrade()
    assert project.value("SELECT count(*) FROM t") == 1


def test_an_audit_log_from_a_backup_does_not_change_what_is_applied(tmp_path: Path) -> None:
    log = tmp_path / "audit.sqlite"
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path / 'work.sqlite'}")
    project.configure(metadata_url=f"sqlite:///{log}")
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration("D001", INSERT)
    project.upgrade()
    shutil.copy(log, tmp_path / "backup")
    project.migration("D002", INSERT, depends_on=("D001",))
    project.migration("D003", "raise ValueError('not now')", depends_on=("D002",))
    with pytest.raises(MigrationFailedError):
        project.upgrade()
    shutil.copy(tmp_path / "backup", log)
    project.migration("D003", INSERT, depends_on=("D002",))

    states = project.states()
    project.upgrade()

    assert states == {"D001": "applied", "D002": "applied", "D003": "failed"}
    assert project.value("SELECT count(*) FROM t") == 3
    audit = ProjectFolder(tmp_path / "audit", f"sqlite:///{log}")
    assert [(row.revision, row.status) for row in audit.attempts()] == [
        ("D001", "success"),
        ("D003", "success"),
    ]
