"""A migration that forks, as `ProcessPoolExecutor` does, and is killed: its child lives on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from delembic.events import Finished
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.shell import COMMAND, TESTS

pytestmark = pytest.mark.long

SOON_SECONDS = 10.0
"""How long a server may take to notice that a client is gone."""


@pytest.fixture(params=["auto", "lease"])
def project(
    request: pytest.FixtureRequest, backend: Backend, tmp_path: Path
) -> Iterator[ProjectFolder]:
    if request.param == "lease" and backend.name == "sqlite":
        pytest.skip("SQLite has no lease")
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.configure(lock=request.param, lock_lease="2")
    project.execute("CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)")
    project.migration(
        "D001",
        f"""
        conn.exec_driver_sql("UPDATE t SET n = n + 1")
        if os.environ.get("FORK_AND_DIE"):
            child = os.fork()
            if child == 0:
                while not os.path.exists({str(project.root / "go")!r}):
                    time.sleep(0.02)
                os._exit(0)
            with open({str(project.root / "child")!r}, "w") as file:
                file.write(str(child))
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        head="import signal, time",
    )
    yield project
    project.write("go", "")


def test_it_keeps_neither_the_lock_nor_the_transaction(project: ProjectFolder) -> None:
    subprocess.run(
        [*COMMAND, "upgrade"],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": str(TESTS), "FORK_AND_DIE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )

    (outcome,) = project.upgrade(lock_timeout_seconds=SOON_SECONDS)

    os.kill(int(project.root.joinpath("child").read_text()), 0)  # it lives
    assert isinstance(outcome, Finished)
    assert project.statuses() == ["interrupted", "success"]
    assert project.value("SELECT n FROM t") == 1
