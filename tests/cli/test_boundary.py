"""Signals: the work is rolled back, that is on record, and the exit code says which it was."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from support.projects import PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend
from support.shell import run, start, wait_until

ENDLESS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000)"
BUSY = {
    "sqlite": f"conn.exec_driver_sql('{ENDLESS} SELECT count(*) FROM c')",
    "postgresql": "conn.exec_driver_sql('SELECT pg_sleep(300)')",
    "mariadb": "conn.exec_driver_sql('SELECT SLEEP(300)')",
}


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """A project whose migration has done some work and is now busy with something long."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration("D001")
    project.migration(
        "D002",
        "conn.exec_driver_sql('INSERT INTO t VALUES (1)')\n"
        f"open({str(project.root / 'inside')!r}, 'x').close()\n"
        f"{BUSY[backend.name]}",
        depends_on=("D001",),
        head="import time",
    )
    project.migration("D003", depends_on=("D002",))
    return project


def _start_and_wait_until_it_is_busy(project: ProjectFolder) -> subprocess.Popen[str]:
    process = start("upgrade", cwd=project.root)
    wait_until((project.root / "inside").exists)
    return process


class TestSignals:
    @pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_the_work_is_rolled_back_and_the_interruption_is_on_record(
        self, project: ProjectFolder, number: signal.Signals, exit_code: int
    ) -> None:
        process = _start_and_wait_until_it_is_busy(project)
        assert project.statuses("D002") == ["running"]

        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)

        assert process.returncode == exit_code
        assert err == f"Stopped by {number.name}.\n"
        assert out.endswith("Running D002 (2 of 3): the work of D002\n  INTERRUPTED, rolled back\n")
        assert project.value("SELECT count(*) FROM t") == 0
        assert project.statuses("D002") == ["interrupted"]
        assert project.states() == {"D001": "applied", "D002": "interrupted", "D003": "blocked"}

    def test_the_next_upgrade_tries_again(self, project: ProjectFolder) -> None:
        process = _start_and_wait_until_it_is_busy(project)
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)
        project.migration(
            "D002", "conn.exec_driver_sql('INSERT INTO t VALUES (2)')", depends_on=("D001",)
        )

        assert run("upgrade", cwd=project.root).exit_code == 0

        assert project.statuses("D002") == ["interrupted", "success"]
        assert project.value("SELECT count(*) FROM t") == 1


class TestOneProcess:
    @pytest.fixture
    def project(self, sqlite_url: str, tmp_path: Path) -> ProjectFolder:
        return ProjectFolder(tmp_path / "project", sqlite_url)

    def test_a_second_signal_does_not_wait(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            "try:\n"
            f"    open({str(project.root / 'inside')!r}, 'x').close()\n"
            "    time.sleep(300)\n"
            "finally:\n"
            f"    open({str(project.root / 'told')!r}, 'x').close()\n"
            "    time.sleep(300)",
            head="import time",
        )
        process = _start_and_wait_until_it_is_busy(project)

        process.terminate()
        wait_until((project.root / "told").exists)
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)

        assert process.returncode == -signal.SIGTERM
        assert project.statuses() == ["running"]

    @pytest.mark.parametrize(
        "statements",
        [
            f"conn.exec_driver_sql('INSERT INTO t {ENDLESS} SELECT x FROM c WHERE x < 0')",
            "conn.exec_driver_sql('INSERT INTO t VALUES (1), (2)')\n"
            "rows = conn.execution_options(yield_per=1).exec_driver_sql('SELECT x FROM t')\n"
            "next(rows)\n"
            f"conn.exec_driver_sql('{ENDLESS} SELECT count(*) FROM c')",
            "conn.exec_driver_sql('INSERT INTO t VALUES (1), (2)')\n"
            "rows = conn.execution_options(yield_per=1).exec_driver_sql('SELECT x FROM t')\n"
            "next(rows)\n"
            "try:\n"
            f"    conn.exec_driver_sql('{ENDLESS} SELECT count(*) FROM c')\n"
            "except Exception:\n"
            "    pass",
        ],
        ids=["it writes", "rows are still to be read", "its error is passed over"],
    )
    def test_a_long_statement_of_sqlite_is_rolled_back(
        self, project: ProjectFolder, statements: str
    ) -> None:
        project.execute("CREATE TABLE t (x INTEGER)")
        inside = str(project.root / "inside")
        project.migration("D001", f"open({inside!r}, 'x').close()\n{statements}")
        process = _start_and_wait_until_it_is_busy(project)

        process.terminate()
        _, err = process.communicate(timeout=PATIENCE_SECONDS)

        assert (process.returncode, err) == (143, "Stopped by SIGTERM.\n")
        assert project.statuses() == ["interrupted"]
        assert project.value("SELECT count(*) FROM t") == 0
        project.migration("D001")
        assert run("upgrade", cwd=project.root).exit_code == 0

    def test_a_signal_to_a_forked_child_is_not_taken_for_ours(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            """
            ours, theirs = os.pipe()
            parent = os.getpid()
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGTERM, lambda number, frame: os.write(theirs, b"x"))
                os.write(theirs, b"x")
                # Not signal.pause(), which sleeps on when the signal came just before it.
                while os.getppid() == parent:
                    pass
            for _ in range(20):
                assert os.read(ours, 1) == b"x"
                os.kill(child, signal.SIGTERM)
            assert os.read(ours, 1) == b"x"
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            """,
            head="import signal",
        )

        process = start("upgrade", cwd=project.root)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)

        assert (process.returncode, err) == (0, "")

    def test_waiting_for_another_runner_can_be_stopped(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            f"open({str(project.root / 'inside')!r}, 'x').close()\ntime.sleep(300)",
            head="import time",
        )
        first = _start_and_wait_until_it_is_busy(project)
        second = start("upgrade", cwd=project.root)
        assert second.stdout is not None
        line = second.stdout.readline()

        second.terminate()
        _, err = second.communicate(timeout=PATIENCE_SECONDS)
        during = project.statuses()
        first.terminate()
        first.communicate(timeout=PATIENCE_SECONDS)

        assert line.startswith("Waiting for D001, whose lock is held by ")
        assert f"pid {first.pid} (cli)" in line
        assert (second.returncode, err) == (143, "Stopped by SIGTERM.\n")
        assert during == ["running"]

    def test_the_handlers_of_the_program_around_it_come_back(self, project: ProjectFolder) -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

        run("history", cwd=project.root)

        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before

    def test_a_migration_cannot_end_the_command_as_if_all_were_well(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", "sys.exit(0)")

        assert run("upgrade", cwd=project.root).exit_code == 1
