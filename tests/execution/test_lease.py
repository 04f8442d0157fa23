"""Runs under a lease: what holds when the holder is killed, or paused past its expiry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from delembic import commands
from delembic.errors import LockLostError, LockTimeoutError
from delembic.events import Finished, LockLost, Skipped
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder

pytestmark = pytest.mark.long

LEASE_SECONDS = 1


@pytest.fixture
def project(postgresql_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.configure(lock="lease", lock_lease=str(LEASE_SECONDS))
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration(
        "D001",
        """
        import time
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")
        if os.environ.get("HOLD"):
            open(f"inside.{os.getpid()}", "w").close()
            while not os.path.exists(f"go.{os.getpid()}"):
                time.sleep(0.02)
        """,
    )
    return project


class Holder:
    """A runner in a process of its own that stays inside its migration until it is let go."""

    def __init__(self, project: ProjectFolder) -> None:
        self._root = project.root
        self._process = subprocess.Popen(
            [sys.executable, "-m", "delembic", "upgrade"],
            cwd=self._root,
            env=os.environ | {"HOLD": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _wait_until(self._root.joinpath(f"inside.{self._process.pid}").exists)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def let_go(self) -> tuple[int, str]:
        self._root.joinpath(f"go.{self._process.pid}").touch()
        output, _ = self._process.communicate(timeout=PATIENCE_SECONDS)
        return self._process.returncode, output


def test_a_holder_that_lives_is_waited_for_past_the_length_of_its_lease(
    project: ProjectFolder,
) -> None:
    holder = Holder(project)

    with pytest.raises(LockTimeoutError):
        project.upgrade(lock_timeout_seconds=3 * LEASE_SECONDS)

    assert holder.let_go()[0] == 0
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.statuses() == ["success"]


def test_one_that_was_killed_is_followed_when_its_lease_has_run_out(
    project: ProjectFolder,
) -> None:
    holder = Holder(project)
    holder.signal(signal.SIGKILL)

    (outcome,) = project.upgrade(lock_timeout_seconds=PATIENCE_SECONDS)

    assert isinstance(outcome, Finished)
    assert project.statuses() == ["interrupted", "success"]
    assert project.value("SELECT count(*) FROM t") == 1
    holder.let_go()


def test_one_that_comes_back_after_its_lease_has_run_out_does_not_commit(
    project: ProjectFolder,
) -> None:
    holder = Holder(project)
    holder.signal(signal.SIGSTOP)

    (outcome,) = project.upgrade(lock_timeout_seconds=PATIENCE_SECONDS)
    holder.signal(signal.SIGCONT)
    exit_code, output = holder.let_go()

    assert isinstance(outcome, Finished)
    assert (exit_code, "Skipped D001: it was applied in the meantime" in output) == (0, True)
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.statuses() == ["interrupted", "success"]


def test_one_that_comes_back_while_its_follower_is_at_work_leaves_it_to_that(
    project: ProjectFolder,
) -> None:
    first = Holder(project)
    first.signal(signal.SIGSTOP)
    _wait_until(
        lambda: bool(
            project.value(
                "SELECT coalesce(max(expires_at), '-infinity') < now()"
                " FROM (SELECT expires_at FROM delembic_lease"
                " UNION ALL SELECT expires_at FROM delembic_lease_renewal) AS times"
            )
        )
    )
    second = Holder(project)
    first.signal(signal.SIGCONT)

    exit_code, output = first.let_go()
    second_exit_code, _ = second.let_go()

    assert exit_code in (0, 4), output
    assert second_exit_code == 0
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.statuses() == ["interrupted", "success"]


def test_a_lease_that_is_lost_and_free_again_is_not_committed_under(
    project: ProjectFolder,
) -> None:
    """Nobody else came, but nobody can know that: the work is rolled back."""
    project.migration(
        "D001",
        """
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")
        with conn.engine.begin() as other:
            other.exec_driver_sql("UPDATE delembic_lease SET owner = NULL, fence = fence + 1")
        """,
    )

    with pytest.raises(LockLostError, match="its lease expired"):
        project.upgrade()

    assert LockLost("D001") in project.events
    assert project.value("SELECT count(*) FROM t") == 0
    assert project.statuses() == ["interrupted"]


class TestSnapshots:
    """Where a transaction sees one state of the data from its beginning."""

    @pytest.fixture(params=["REPEATABLE READ", "SERIALIZABLE", "innodb_snapshot_isolation"])
    def project(self, request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFolder:
        level: str = request.param
        if level.isupper():
            url = make_url(request.getfixturevalue("postgresql_url"))
        else:
            url = make_url(request.getfixturevalue("mariadb_url"))
            url = url.update_query_dict({"init_command": f"SET {level} = ON"})
        project = ProjectFolder(tmp_path / "project", url.render_as_string(hide_password=False))
        project.configure(lock="lease", lock_lease=str(LEASE_SECONDS))
        if level.isupper():
            project.execute(
                f"ALTER DATABASE {url.database} SET default_transaction_isolation = '{level}'"
            )
        project.execute("CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)")
        return project

    def test_work_of_any_length_can_be_applied_while_another_run_waits(
        self, project: ProjectFolder
    ) -> None:
        project.migration(
            "D001",
            f"""
            conn.exec_driver_sql("SELECT n FROM t").all()
            conn.exec_driver_sql("UPDATE t SET n = n + 1")
            GATES["inside"].set()
            time.sleep({2 * LEASE_SECONDS})
            """,
            head="import time",
        )
        GATES.clear()

        with ThreadPoolExecutor() as pool:
            first = pool.submit(commands.upgrade, project.config)
            assert GATES["inside"].wait(PATIENCE_SECONDS)
            second = project.upgrade(lock_timeout_seconds=PATIENCE_SECONDS)

        assert [type(each) for each in (*first.result(), *second)] == [Finished, Skipped]
        assert project.value("SELECT n FROM t") == 1
        assert project.statuses() == ["success"]

    def test_a_lease_that_was_lost_is_told_as_that(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            """
            conn.exec_driver_sql("SELECT n FROM t").all()
            conn.exec_driver_sql("UPDATE t SET n = n + 1")
            with conn.engine.begin() as other:
                other.exec_driver_sql("UPDATE delembic_lease SET owner = NULL, fence = fence + 1")
            """,
        )

        with pytest.raises(LockLostError):
            project.upgrade()

        assert project.value("SELECT n FROM t") == 0
        assert project.statuses() == ["interrupted"]


def _wait_until(fact: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        if fact():
            return
        pause.wait(0.05)
    raise TimeoutError
