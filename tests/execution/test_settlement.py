"""What becomes of dead attempts, and what is left of a lock when settling them fails."""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from delembic import commands
from delembic.errors import DatabaseFailedError
from delembic.events import Finished
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend
from support.shell import wait_until

FULL = {
    "sqlite": [
        "CREATE TRIGGER full BEFORE UPDATE ON delembic_run_history"
        " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$",
        'CREATE TRIGGER "full" BEFORE UPDATE ON delembic_run_history'
        " FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ],
    "mariadb": [
        "CREATE TRIGGER `full` BEFORE UPDATE ON delembic_run_history"
        " FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the disk is full'"
    ],
}
FREED = {
    "sqlite": "DROP TRIGGER full",
    "postgresql": 'DROP TRIGGER "full" ON delembic_run_history',
    "mariadb": "DROP TRIGGER `full`",
}


@pytest.fixture(params=["auto", "lease"])
def project(request: pytest.FixtureRequest, backend: Backend, tmp_path: Path) -> ProjectFolder:
    """A project with a dead attempt at D002, and an audit log that cannot be changed."""
    if request.param == "lease" and backend.name == "sqlite":
        pytest.skip("SQLite has no lease")
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.configure(lock=request.param, lock_lease="1000")
    project.migration("D001")
    project.upgrade()
    project.migration("D002", depends_on=("D001",))
    project.execute(
        "INSERT INTO delembic_run_history (revision, started_at, status, run_id, attempt, hostname)"
        " VALUES ('D002', '2026-01-01 00:00:00', 'running', 'dead', 1, 'elsewhere')",
        *FULL[backend.name],
    )
    return project


@pytest.mark.parametrize("settles", ["orphans", "its own revision"])
def test_a_statement_that_fails_leaves_the_lock_free(
    project: ProjectFolder, backend: Backend, settles: str
) -> None:
    graph = commands.read_graph(project.config)

    with commands.open_session(project.config) as session:
        with pytest.raises(DatabaseFailedError, match="the disk is full"):
            if settles == "orphans":
                session.upgrade(graph)
            else:
                session.apply(graph, "D002")
        project.execute(FREED[backend.name])

        (outcome,) = project.upgrade(lock_timeout_seconds=0)

    assert isinstance(outcome, Finished)
    assert project.statuses("D002") == ["interrupted", "success"]
    assert "delembic lease" not in [thread.name for thread in threading.enumerate()]


def test_a_dead_container_with_the_same_name_and_process_number_is_settled_by_the_next_success(
    backend: Backend, tmp_path: Path
) -> None:
    """In containers, every runner is process 1, so nothing proves that an earlier one is dead."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.configure(lock="none")
    project.migration("D001")
    project.migration("D002", depends_on=("D001",))
    project.upgrade("D001")
    died = "INSERT INTO delembic_run_history (revision, started_at, status, run_id, hostname, pid)"
    like = f"SELECT 'D002', started_at, 'running', 'died', '{socket.gethostname()}', {os.getpid()}"
    project.execute(f"{died} {like} FROM delembic_run_history")

    project.upgrade()

    assert project.states() == {"D001": "applied", "D002": "applied"}
    assert sorted(project.statuses("D002")) == ["running", "success"]
    project.upgrade()
    assert sorted(project.statuses("D002")) == ["interrupted", "success"]


def test_what_is_dead_can_be_settled_without_running_anything(
    backend: Backend, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.migration("D001")
    project.upgrade()
    project.execute(
        "DELETE FROM delembic_version",
        "UPDATE delembic_run_history SET status = 'running', hostname = 'elsewhere'",
    )

    assert commands.settle(project.config, ["D001", "D002"]) == frozenset()
    assert project.states() == {"D001": "interrupted"}
    assert project.statuses() == ["interrupted"]


def test_what_a_living_run_holds_is_returned_and_not_settled(
    backend: Backend, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.migration("D001", "GATES['held'].wait(PATIENCE_SECONDS)")
    GATES["held"].clear()
    with ThreadPoolExecutor() as threads:
        run = threads.submit(project.apply, "D001")
        wait_until(lambda: project.states() == {"D001": "running"}, PATIENCE_SECONDS)
        held = commands.settle(project.config, ["D001"])
        GATES["held"].set()
        run.result()

    assert held == {"D001"}
    assert project.statuses() == ["success"]
