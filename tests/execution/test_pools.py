"""Runs on an engine from ``env.py`` with a pool of the user's own."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from delembic.errors import MigrationFailedError
from delembic.events import Finished
from support.projects import ProjectFolder
from support.servers.backend import Backend

pytestmark = pytest.mark.long

LEASE_SECONDS = 1


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Backend:
    return Backend(request.param, request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["auto", "lease"])
def lock(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def _project(root: Path, server: Backend, lock: str, size: int) -> ProjectFolder:
    project = ProjectFolder(root, server.url)
    project.write("delembic.ini", f"[delembic]\nlock = {lock}\nlock_lease = {LEASE_SECONDS}\n")
    project.write(
        "delembic/env.py",
        textwrap.dedent(f"""
            from sqlalchemy import create_engine
            engine = create_engine(
                {server.url!r}, pool_size={size}, max_overflow=0, pool_timeout=2
            )
            def get_engine():
                return engine
            """),
    )
    project.execute("CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)")
    return project


@pytest.mark.parametrize("size", [1, 2])
def test_a_small_pool_is_enough(server: Backend, lock: str, tmp_path: Path, size: int) -> None:
    project = _project(tmp_path / "project", server, lock, size)
    project.migration(
        "D001",
        f"conn.exec_driver_sql('UPDATE t SET n = n + 1'); time.sleep({1.5 * LEASE_SECONDS})",
        head="import time",
        validate="pass",
    )

    (outcome,) = project.upgrade()
    (verification,) = project.verify()

    assert isinstance(outcome, Finished)
    assert verification.passed
    assert project.value("SELECT n FROM t") == 1


def test_all_its_places_are_free_after_a_run(server: Backend, lock: str, tmp_path: Path) -> None:
    project = _project(tmp_path / "project", server, lock, size=1)
    project.migration("D001", "assert conn.engine.pool.checkedout() == 1; 1 / 0")

    for _ in range(2):
        with pytest.raises(MigrationFailedError, match="division by zero"):
            project.upgrade()

    assert project.statuses() == ["failed", "failed"]
