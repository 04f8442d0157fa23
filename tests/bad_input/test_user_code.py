"""Whatever a migration does while it runs, the command says what happened, and the record has it.

Each project has two migrations: D001, which is as bad as the test says, and D002, which waits.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.projects import PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend
from support.shell import Ran, run, run_process, start

SECONDS = re.compile(r"\(\d+\.\d\ds\)")
SPAN = re.compile(r"in \d+\.\d s")
ROLLED_BACK = (
    "Its work was rolled back and the attempt was recorded. Correct the migration or the data,"
    " then run the upgrade again.\n"
)
SEE = "See the whole error: delembic show D001\n"
RUNNING = "Running D001 (1 of 2): the work of D001\n"
OK = "  OK (1.24s)\n"
SAID = (
    "  D001 ended its transaction itself, so delembic could not have rolled back all of its work.\n"
)
D002_OK = f"Running D002 (2 of 2): the work of D002\n{OK}"
CLOSING = "2 applied in 1.2 s, {}\n"


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    project.migration("D002", depends_on=("D001",))
    return project


@pytest.fixture
def anywhere(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """The same on each kind of database."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    project.migration("D002", depends_on=("D001",))
    return project


def _upgrade(project: ProjectFolder) -> Ran:
    ran = run("upgrade", cwd=project.root)
    out = SPAN.sub("in 1.2 s", SECONDS.sub("(1.24s)", ran.out))
    return Ran(ran.exit_code, out, ran.err)


def _failure(project: ProjectFolder, phase: str = "upgrade") -> str:
    """What is told of a failure, once it is sure that it is on record and nothing is left of it."""
    ran = _upgrade(project)

    assert (ran.exit_code, ran.out) == (1, f"{RUNNING}  FAILED (1.24s)\n"), ran.err
    assert "Traceback" not in ran.err
    head = f"Error: D001 failed in {phase}: "
    assert ran.err.startswith(head)
    assert ran.err.endswith(f"\n{ROLLED_BACK}{SEE}")
    assert project.statuses() == ["failed"]
    assert project.value("SELECT count(*) FROM t") == 0
    return ran.err.removeprefix(head).removesuffix(f"\n{ROLLED_BACK}{SEE}")


class TestRaising:
    @pytest.mark.parametrize(
        ("statement", "reason"),
        [
            ("raise ValueError('bad row')", "ValueError: bad row"),
            ("raise KeyError('name')", "KeyError: 'name'"),
            ("raise RuntimeError", "RuntimeError: raise RuntimeError (D001.py:10)"),
            ("sys.exit(0)", "SystemExit: 0"),
            ("sys.exit()", "SystemExit: sys.exit() (D001.py:10)"),
            ("raise ExceptionGroup('two', [ValueError(1), KeyError(2)])", "ExceptionGroup: two (2"),
            ("(lambda f: f(f))(lambda f: f(f))", "RecursionError: maximum recursion depth"),
            ("raise ValueError('a\\0\\x1b[31mb \\ud800')", r"ValueError: a\x00\x1b[31mb \ud800"),
            (
                "raise type('Odd', (Exception,), {'__str__': 1})",
                "Odd: <its message cannot be rendered>",
            ),
            ("raise ValueError('x' * 1_000_000)", f"ValueError: {'x' * 300}…"),
            ("raise ValueError('a\\nb\\n' * 50_000)", "ValueError: a\nb\na\nb\na\nb\n…"),
        ],
    )
    def test_the_error_is_told_in_a_few_printable_lines(
        self, project: ProjectFolder, statement: str, reason: str
    ) -> None:
        project.migration("D001", f"conn.exec_driver_sql('INSERT INTO t VALUES (1)')\n{statement}")

        assert _failure(project).startswith(reason)

    @pytest.mark.parametrize(
        ("statement", "line"),
        [
            ("assert count == 2", "assert count == 2 (D001.py:12)"),
            ("assert (\n    count\n    == 2\n)", "count == 2 (D001.py:13)"),
            ("assert count == 2, 'expected 2'", "expected 2"),
        ],
    )
    def test_an_assertion_without_a_message_is_told_with_its_source(
        self, project: ProjectFolder, statement: str, line: str
    ) -> None:
        project.migration(
            "D001",
            "conn.exec_driver_sql('INSERT INTO t VALUES (1)')",
            validate="count = conn.exec_driver_sql('SELECT count(*) FROM t').scalar()\n"
            + statement,
        )

        assert _failure(project, "validate") == f"AssertionError: {line}"

    def test_assertions_hold_under_an_optimising_python_too(self, project: ProjectFolder) -> None:
        project.migration("D001", validate="assert 1 == 2")

        ran = run_process("upgrade", cwd=project.root, PYTHONOPTIMIZE="2")

        assert ran.exit_code == 1
        assert "AssertionError: assert 1 == 2 (D001.py:11)" in ran.err

    @pytest.mark.parametrize(
        "statement", ["raise KeyboardInterrupt", "raise GeneratorExit", "raise Stop"]
    )
    def test_what_is_no_exception_is_an_interruption_without_a_traceback(
        self, project: ProjectFolder, statement: str
    ) -> None:
        project.migration("D001", statement, head="class Stop(BaseException): pass")

        ran = _upgrade(project)

        assert ran.exit_code == (130 if "Keyboard" in statement else 1)
        assert ran.out == f"{RUNNING}  INTERRUPTED, rolled back\n"
        assert "Traceback" not in ran.err
        assert project.statuses() == ["interrupted"]


class TestSql:
    def test_the_statement_is_told_with_what_the_database_says(
        self, anywhere: ProjectFolder
    ) -> None:
        anywhere.migration("D001", "conn.exec_driver_sql('INSERT INTO t SELECT 1 FROM nowhere')")

        lines = _failure(anywhere).splitlines()

        assert "nowhere" in lines[0]
        assert lines[-1] == "[SQL: INSERT INTO t SELECT 1 FROM nowhere]"
        assert "sqlalche.me" not in "\n".join(lines)

    def test_a_very_long_statement_is_bounded_with_both_its_ends_on_record(
        self, anywhere: ProjectFolder
    ) -> None:
        anywhere.migration(
            "D001",
            "values = ', '.join(f'({n})' for n in range(2000))\n"
            "conn.exec_driver_sql(f'INSERT INTO nowhere VALUES {values}')\n",
        )

        assert len(_failure(anywhere)) < 1000
        (attempt,) = anywhere.attempts()
        assert "(0), (1), (2)" in attempt.exception
        assert "(1998), (1999)" in attempt.exception

    def test_a_statement_of_many_lines_is_bounded(self, anywhere: ProjectFolder) -> None:
        anywhere.migration("D001", "conn.exec_driver_sql('SELECT 1,\\n' * 500 + '1 FROM nowhere')")

        assert len(_failure(anywhere).splitlines()) <= 7


class TestTransaction:
    def test_a_commit_of_its_own_works_and_is_said(self, anywhere: ProjectFolder) -> None:
        anywhere.migration(
            "D001", "conn.exec_driver_sql('INSERT INTO t VALUES (1)'); conn.commit()"
        )

        assert _upgrade(anywhere) == Ran(
            0, f"{RUNNING}{SAID}{OK}{D002_OK}{CLOSING.format('1 row')}", ""
        )
        assert anywhere.value("SELECT count(*) FROM t") == 1

    def test_a_failure_after_it_says_that_a_part_stays(self, anywhere: ProjectFolder) -> None:
        anywhere.migration(
            "D001",
            "conn.exec_driver_sql('INSERT INTO t VALUES (1)'); conn.commit()\n"
            "raise ValueError('bad row')",
        )

        ran = _upgrade(anywhere)

        assert ran.exit_code == 1
        assert ran.err == (
            "Error: D001 failed in upgrade: ValueError: bad row\n"
            "The migration committed some of its work itself. That part stays, and the next"
            " attempt will repeat it. Correct the migration or the data, then run the upgrade"
            f" again.\n{SEE}"
        )
        assert anywhere.value("SELECT count(*) FROM t") == 1

    @pytest.mark.parametrize(
        "statement",
        ["conn.close()", "conn.invalidate()", "conn.connection.driver_connection.close()"],
    )
    def test_a_connection_that_it_closes_is_a_failure_and_on_record(
        self, anywhere: ProjectFolder, statement: str
    ) -> None:
        anywhere.migration("D001", f"conn.exec_driver_sql('INSERT INTO t VALUES (1)')\n{statement}")

        ran = _upgrade(anywhere)

        assert ran.exit_code == 1
        assert "Error: D001 failed in " in ran.err
        assert "Traceback" not in ran.err
        assert anywhere.statuses() == ["failed"]
        assert anywhere.value("SELECT count(*) FROM t") == 0
        assert anywhere.states() == {"D001": "failed", "D002": "blocked"}


class TestOutput:
    def test_megabytes_are_passed_on_and_kept_nowhere(self, project: ProjectFolder) -> None:
        project.migration("D001", "for _ in range(50_000): print('x' * 99)")

        ran = run_process("upgrade", cwd=project.root)

        assert ran.exit_code == 0
        assert len(ran.out) > 5_000_000
        assert ran.out.startswith(f"{RUNNING}xxx")
        out = SPAN.sub("in 1.2 s", SECONDS.sub("(1.24s)", ran.out))
        assert out.endswith(f"x\n{OK}{D002_OK}{CLOSING.format('0 rows')}")
        assert [row.exception for row in project.attempts()] == [None, None]

    def test_what_goes_to_standard_error_goes_there(self, project: ProjectFolder) -> None:
        project.migration("D001", "print('beware', file=sys.stderr)")

        assert _upgrade(project) == Ran(
            0, f"{RUNNING}{OK}{D002_OK}{CLOSING.format('0 rows')}", "beware\n"
        )


class TestThreads:
    def test_one_that_is_left_behind_is_named_and_waited_for(
        self, project: ProjectFolder, tmp_path: Path
    ) -> None:
        end = tmp_path / "end"
        project.migration(
            "D001",
            "def wait():\n"
            f"    while not os.path.exists({str(end)!r}):\n"
            "        threading.Event().wait(0.01)\n"
            "threading.Thread(target=wait, name='loader').start()",
            head="import threading",
        )

        process = start("upgrade", cwd=project.root)
        warning = _next_line_of_error(process)
        applied = project.states()
        end.touch()
        process.communicate(timeout=PATIENCE_SECONDS)

        assert warning == "Warning: waiting for threads that still run: loader\n"
        assert applied == {"D001": "applied", "D002": "applied"}
        assert process.returncode == 0

    def test_one_that_ends_with_the_process_is_no_matter(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            "threading.Thread(target=threading.Event().wait, daemon=True).start()",
            head="import threading",
        )

        assert run_process("upgrade", cwd=project.root).err == ""

    def test_one_that_raises_is_not_the_migration(self, project: ProjectFolder) -> None:
        project.migration(
            "D001",
            "thread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()",
            head="import threading",
        )

        ran = run_process("upgrade", cwd=project.root)

        assert ran.exit_code == 0
        assert "ZeroDivisionError" in ran.err


def _next_line_of_error(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()
