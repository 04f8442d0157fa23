"""``delembic verify``: a line for each migration, or one document, and the exit codes."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from support.projects import PATIENCE_SECONDS, ProjectFolder
from support.servers.backend import Backend
from support.shell import Ran, run, run_on_a_terminal, run_process, start, wait_until

SECONDS = re.compile(r"\(\d+\.\d\ds\)")
COUNT = "count = conn.exec_driver_sql('SELECT count(*) FROM t').scalar()"
DRIFTED = (
    "Error: 1 of 2 did not pass: the data is no longer what D1001 expects.\n"
    "Nothing was changed. Correct the data, for example with a new migration, and verify again."
    " See the whole error: delembic show D1001\n"
)


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    return _applied(ProjectFolder(tmp_path / "project", sqlite_url))


def _applied(project: ProjectFolder) -> ProjectFolder:
    """Two migrations that are applied; the second expects an empty table."""
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration("D001", validate="print('looking')")
    project.migration("D1001", depends_on=("D001",), validate=f"{COUNT}\nassert count == 0")
    project.upgrade()
    return project


def _run(project: ProjectFolder, *arguments: str) -> Ran:
    ran = run("verify", *arguments, cwd=project.root)
    return Ran(ran.exit_code, SECONDS.sub("(1.24s)", ran.out), ran.err)


class TestLines:
    def test_each_migration_has_one_and_all_pass(self, backend: Backend, tmp_path: Path) -> None:
        project = _applied(ProjectFolder(tmp_path / "project", backend.url))

        assert _run(project) == Ran(0, "looking\nD001   OK (1.24s)\nD1001  OK (1.24s)\n", "")

    def test_one_that_does_not_pass_is_told_with_the_line_that_says_why(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        project = _applied(ProjectFolder(tmp_path / "project", backend.url))
        project.execute("INSERT INTO t VALUES (1)")

        assert _run(project) == Ran(
            1,
            "looking\n"
            "D001   OK (1.24s)\n"
            "D1001  FAILED (1.24s)  AssertionError: assert count == 0 (D1001.py:12)\n",
            DRIFTED,
        )
        assert project.states() == {"D001": "applied", "D1001": "applied"}

    def test_revisions_can_be_named(self, project: ProjectFolder) -> None:
        assert _run(project, "D1001").out == "D1001  OK (1.24s)\n"

    def test_one_whose_file_has_changed_and_one_that_committed_say_so(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", validate="conn.commit()")

        assert _run(project, "D001").out == (
            "D001  OK (1.24s)  (its file has changed since it was applied)\n"
            "  D001 ended its transaction itself, so delembic could not have rolled back all of"
            " its work.\n"
        )

    def test_it_says_that_there_is_nothing_to_verify(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D1001")

        assert _run(project) == Ran(
            0, "Nothing to verify: no applied migration has a validate().\n", ""
        )

    def test_what_cannot_be_verified_is_told_and_nothing_is_run(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D002", validate="pass")

        assert _run(project, "D002", "D001") == Ran(
            2,
            "",
            "Error: Nothing was run, because some of these revisions cannot be verified:\n"
            "  D002: it is not applied\n"
            "Leave them out, or name no revision to verify everything that can be verified.\n",
        )

    def test_of_several_all_are_named(self, project: ProjectFolder) -> None:
        project.migration("D001", validate="raise ValueError('bad row')")
        project.execute("INSERT INTO t VALUES (1)")

        assert _run(project).err.startswith(
            "Error: 2 of 2 did not pass: the data is no longer what D001, D1001 expect.\n"
        )

    def test_the_program_is_on_record(self, project: ProjectFolder) -> None:
        _run(project, "D001")

        last = project.attempts()[-1]
        assert (last.operation, last.executor, last.executor_run_id) == ("verify", "cli", None)

    def test_help_tells_what_it_does_to_the_data(self, project: ProjectFolder) -> None:
        out = run("verify", "-h", cwd=project.root).out

        assert "Nothing is changed" in out
        assert "0 all passed; 1 at least one did not" in out


class TestDocument:
    def test_it_has_each_migration_and_no_word_besides(self, project: ProjectFolder) -> None:
        project.execute("INSERT INTO t VALUES (1)")

        ran = run("verify", "--json", cwd=project.root)

        document = json.loads(ran.out)
        for each in document["verifications"]:
            assert each.pop("verified_at").endswith("+00:00")
            assert 0 <= each.pop("duration_seconds") < PATIENCE_SECONDS
        good, bad = project.attempts()[-2:]
        assert ran.exit_code == 1
        assert ran.err == "looking\n" + DRIFTED
        assert document == {
            "schema_version": 1,
            "kind": "verify",
            "passed": False,
            "verifications": [
                {
                    "revision": "D001",
                    "passed": True,
                    "reason": None,
                    "history_id": good.id,
                    "changed": False,
                    "rolled_back": True,
                },
                {
                    "revision": "D1001",
                    "passed": False,
                    "reason": "AssertionError: assert count == 0 (D1001.py:12)",
                    "history_id": bad.id,
                    "changed": False,
                    "rolled_back": True,
                },
            ],
        }

    def test_where_there_is_nothing_to_verify_the_list_is_empty_and_all_is_well(
        self, project: ProjectFolder
    ) -> None:
        project.execute("DELETE FROM delembic_version")

        ran = run("verify", "--json", cwd=project.root)

        assert (ran.exit_code, ran.err) == (0, "")
        assert json.loads(ran.out) == {
            "schema_version": 1,
            "kind": "verify",
            "passed": True,
            "verifications": [],
        }

    def test_an_error_is_told_on_the_other_stream(self, project: ProjectFolder) -> None:
        ran = run("verify", "D01", "--json", cwd=project.root)

        assert (ran.exit_code, ran.out) == (2, "")
        assert ran.err.startswith("Error: There is no revision 'D01'.")


class TestProcess:
    def test_ctrl_c_ends_it_and_is_recorded(self, project: ProjectFolder) -> None:
        looking = project.root / "looking"
        project.migration(
            "D001",
            validate=f"""
            open({str(looking)!r}, "w").close()
            import time; time.sleep(PATIENCE_SECONDS)
            """,
        )
        process = start("verify", "D001", cwd=project.root)
        wait_until(looking.exists)

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)

        assert (process.returncode, out, err) == (130, "", "Stopped by SIGINT.\n")
        last = project.attempts()[-1]
        assert (last.operation, last.status) == ("verify", "interrupted")
        assert project.states()["D001"] == "applied"

    def test_a_server_that_does_not_answer_is_no_finding(self, tmp_path: Path) -> None:
        project = ProjectFolder(
            tmp_path / "project", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"
        )
        project.migration("D001", validate="pass")

        ran = run_process("verify", cwd=project.root)

        assert (ran.exit_code, ran.out) == (2, "")
        assert ran.err.startswith("Error: Cannot connect to postgresql+psycopg://nobody@127.0.0.1")

    def test_on_a_terminal_there_are_colours_and_a_live_line_that_goes_away(
        self, project: ProjectFolder
    ) -> None:
        project.execute("INSERT INTO t VALUES (1)")

        out = run_on_a_terminal("verify", cwd=project.root).out

        assert "D001 is being verified" in out
        assert re.search(r"\x1b\[32mOK \(\d+\.\d\ds\)\x1b\[0m", out)
        assert re.search(r"\x1b\[31mFAILED \(\d+\.\d\ds\)\x1b\[0m", out)
