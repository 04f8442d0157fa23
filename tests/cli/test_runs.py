"""``delembic runs``: the audit log, one attempt on a line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from support.audit_rows import (
    CORRECTED,
    DAGSTER_RUN,
    DRIFTED,
    FAILED,
    LOADED,
    LOG,
    RUNNING,
    VERIFIED,
    record,
    record_as_1,
)
from support.projects import ProjectFolder
from support.shell import Ran, run, run_on_a_terminal, run_process

CODES = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


class TestLines:
    def test_each_attempt_has_a_line_the_newest_first(self, project: ProjectFolder) -> None:
        record(project, *LOG)

        assert run("runs", cwd=project.root) == Ran(
            0,
            f"""\
4  2024-01-15 12:30:00+00:00  running  D003                       ann@db1 (cli)
3  2024-01-15 11:30:00+00:00  success  D002   0.50s        1 row  dagster@worker-7 (dagster run {DAGSTER_RUN})
2  2024-01-15 10:31:00+00:00  failed   D002  3m 05s               ann@db1 (cli)  ValueError: expected 1 changed term, found 3
1  2024-01-15 10:30:00+00:00  success  D001   1.24s  13,622 rows  ann@db1 (cli)
""",  # noqa: E501 - lines are as long as they are
            "",
        )

    def test_numbers_of_any_length_stay_aligned(self, project: ProjectFolder) -> None:
        record(project, LOADED, replace(LOADED, id=1000, attempt_id="b", revision="D1000"))

        assert run("runs", cwd=project.root).out == (
            "1000  2024-01-15 10:30:00+00:00  success  D1000  1.24s  13,622 rows  ann@db1 (cli)\n"
            "   1  2024-01-15 10:30:00+00:00  success  D001   1.24s  13,622 rows  ann@db1 (cli)\n"
        )

    def test_only_failures_only_one_revision_only_so_many(self, project: ProjectFolder) -> None:
        record(project, *LOG)

        def ids(*options: str) -> list[str]:
            out = run("runs", *options, cwd=project.root).out
            return [line.split()[0] for line in out.splitlines()]

        assert ids("--failed") == ["2"]
        assert ids("D002") == ["3", "2"]
        assert ids("D001", "D003") == ["4", "1"]
        assert ids("--revision", "D002", "--revision", "D003") == ["4", "3", "2"]
        assert ids("--limit", "3") == ["4", "3", "2"]
        assert ids("D002", "--limit", "1") == ["3"]

    def test_there_are_20_unless_another_number_is_named(self, project: ProjectFolder) -> None:
        record(project, *(replace(LOADED, id=n, attempt_id=f"r-{n}") for n in range(1, 24)))

        lines = run("runs", cwd=project.root).out.splitlines()

        assert (len(lines), lines[0].split()[0], lines[-1].split()[0]) == (20, "23", "4")
        assert len(run("runs", "--limit", "100", cwd=project.root).out.splitlines()) == 23

    def test_a_long_error_is_whole_when_it_is_piped(self, project: ProjectFolder) -> None:
        record(project, replace(FAILED, exception="ValueError: " + "x" * 500))

        ran = run_process("runs", cwd=project.root, COLUMNS="80")

        assert ran.out.endswith("  ValueError: " + "x" * 500 + "\n")
        assert "\x1b" not in ran.out

    def test_of_an_error_with_several_lines_there_is_one(self, project: ProjectFolder) -> None:
        record(project, replace(FAILED, exception=f"{FAILED.exception}[SQL: SELECT 1]\n(More)\n"))

        assert run("runs", cwd=project.root).out == (
            "2  2024-01-15 10:31:00+00:00  failed  D002  3m 05s  ann@db1 (cli)"
            "  ValueError: expected 1 changed term, found 3\n"
        )

    def test_why_one_was_blocked_is_told_too(self, project: ProjectFolder) -> None:
        reason = "D002 was not run: it depends on D001, which is not applied yet."
        record(project, replace(FAILED, status="blocked", duration_seconds=0, exception=reason))

        assert run("runs", cwd=project.root).out == (
            f"2  2024-01-15 10:31:00+00:00  blocked  D002  0.00s  ann@db1 (cli)  {reason}\n"
        )

    def test_a_verification_is_told_from_an_attempt(self, project: ProjectFolder) -> None:
        record(project, CORRECTED, VERIFIED, replace(DRIFTED, executor="cli", executor_run_id=None))

        assert run("runs", cwd=project.root) == Ran(
            0,
            f"""\
6  2024-01-15 14:30:00+00:00  failed   D002  verify  0.25s         dagster@worker-7 (cli)  ValueError: expected 1 changed term, found 3
5  2024-01-15 13:30:00+00:00  success  D002  verify  0.25s         dagster@worker-7 (dagster run {DAGSTER_RUN})
3  2024-01-15 11:30:00+00:00  success  D002          0.50s  1 row  dagster@worker-7 (dagster run {DAGSTER_RUN})
""",  # noqa: E501 - lines are as long as they are
            "",
        )

    def test_either_can_be_left_out(self, project: ProjectFolder) -> None:
        record(project, *LOG, VERIFIED, DRIFTED)

        def ids(*options: str) -> list[str]:
            out = run("runs", *options, cwd=project.root).out
            return [line.split()[0] for line in out.splitlines()]

        assert ids("--operation", "verify") == ["6", "5"]
        assert ids("--operation", "upgrade") == ["4", "3", "2", "1"]
        assert ids("--operation", "verify", "--failed") == ["6"]
        assert ids() == ["6", "5", "4", "3", "2", "1"]

    def test_one_that_was_recovered_says_so(self, project: ProjectFolder) -> None:
        record(project, replace(LOADED, rows_affected=None, recovered=True))

        assert run("runs", cwd=project.root).out == (
            "1  2024-01-15 10:30:00+00:00  success  D001  1.24s  ann@db1 (cli)"
            "  recovered: its run died after the commit\n"
        )

    def test_of_delembic_1_there_is_what_it_kept(self, project: ProjectFolder) -> None:
        record_as_1(project, LOADED, replace(FAILED, username=None, exception="ValueError: bad"))

        assert run("runs", cwd=project.root).out == (
            "2  2024-01-15 10:31:00+00:00  failed   D002  3m 05s  db1  ValueError: bad\n"
            "1  2024-01-15 10:30:00+00:00  success  D001   1.24s  ann@db1\n"
        )


class TestNothing:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ([], "No attempt on record."),
            (["--failed"], "No failed attempt on record."),
            (["D001"], "No attempt at D001 on record."),
            (["D001", "--failed"], "No failed attempt at D001 on record."),
            (["D001", "D002"], "No attempt at D001 or D002 on record."),
            (["--operation", "upgrade"], "No attempt on record."),
            (
                ["--operation", "verify", "D001", "--failed"],
                "No failed verification of D001 on record.",
            ),
        ],
    )
    def test_it_says_what_there_is_none_of(
        self, project: ProjectFolder, options: list[str], said: str
    ) -> None:
        project.migration("D001")
        project.migration("D002")

        assert run("runs", *options, cwd=project.root) == Ran(0, f"{said}\n", "")

    @pytest.mark.parametrize("named", [["D02"], ["D001", "D02"]], ids=["alone", "among others"])
    def test_an_unknown_revision_is_told_with_the_nearest(
        self, project: ProjectFolder, named: list[str]
    ) -> None:
        record(project, *LOG)
        project.migration("D002")

        assert run("runs", *named, cwd=project.root) == Ran(
            2,
            "",
            "Error: There is no revision 'D02'. Did you mean 'D002'?\n"
            "'delembic history' lists the revisions.\n",
        )

    @pytest.mark.parametrize("limit", ["0", "-1", "many"])
    def test_a_limit_has_to_be_a_number_from_1_on(self, project: ProjectFolder, limit: str) -> None:
        ran = run("runs", "--limit", limit, cwd=project.root)

        assert (ran.exit_code, ran.out) == (2, "")
        assert "Invalid value for '--limit'" in ran.err


class TestTerminal:
    """It is 100 columns wide."""

    def test_states_have_colours_and_errors_end_at_the_edge(self, project: ProjectFolder) -> None:
        record(project, FAILED, replace(LOADED, id=3), RUNNING)

        out = run_on_a_terminal("runs", cwd=project.root).out.replace("\r\n", "\n")

        assert "\x1b[36mrunning\x1b[0m" in out
        assert "\x1b[32msuccess\x1b[0m" in out
        assert "\x1b[31mfailed \x1b[0m" in out
        assert CODES.sub("", out) == (
            "4  2024-01-15 12:30:00+00:00  running  D003                       ann@db1 (cli)\n"
            "3  2024-01-15 10:30:00+00:00  success  D001   1.24s  13,622 rows  ann@db1 (cli)\n"
            "2  2024-01-15 10:31:00+00:00  failed   D002  3m 05s               ann@db1 (cli)"
            "  ValueError: expect…\n"
        )
        assert max(map(len, CODES.sub("", out).splitlines())) == 100

    def test_a_line_of_an_error_that_fits_is_whole(self, project: ProjectFolder) -> None:
        record(project, replace(FAILED, exception="ValueError: " + "x" * 21))

        (line,) = CODES.sub("", run_on_a_terminal("runs", cwd=project.root).out).splitlines()

        assert len(line) == 100
        assert line.endswith("  ValueError: " + "x" * 21)

    def test_a_run_of_dagster_goes_by_the_beginning_of_its_name(
        self, project: ProjectFolder
    ) -> None:
        record(
            project, CORRECTED, replace(CORRECTED, id=4, attempt_id="b", executor_run_id="nightly")
        )

        lines = CODES.sub("", run_on_a_terminal("runs", cwd=project.root).out).splitlines()

        assert lines[0].endswith("  dagster@worker-7 (dagster run nightly)")
        assert lines[1].endswith("  dagster@worker-7 (dagster run 8f3c2a10)")

    def test_where_there_is_no_room_the_beginning_of_the_error_is_shown_all_the_same(
        self, project: ProjectFolder
    ) -> None:
        record(project, replace(FAILED, hostname="a-host-with-a-name-that-takes-all-the-room"))

        (line,) = CODES.sub("", run_on_a_terminal("runs", cwd=project.root).out).splitlines()

        assert len(line) == 100
        assert line.endswith("  ann@a-host-with-a-name-that-t…  ValueError: exp…")

    @pytest.mark.parametrize("columns", [20, 40, 60, 80])
    def test_no_line_is_wider_than_the_terminal(self, project: ProjectFolder, columns: int) -> None:
        record(project, FAILED, LOADED, VERIFIED)

        out = run_on_a_terminal("runs", cwd=project.root, COLUMNS=str(columns)).out

        assert max(map(len, CODES.sub("", out).splitlines())) <= columns
        assert len(out.splitlines()) == 3

    def test_where_it_is_narrow_the_error_is_shown_rather_than_who_ran_it(
        self, project: ProjectFolder
    ) -> None:
        record(project, FAILED)

        out = run_on_a_terminal("runs", cwd=project.root, COLUMNS="60").out

        assert CODES.sub("", out) == (
            "2  2024-01-15 10:31:00+00:00  failed  D002  3m 05s  ValueEr…\r\n"
        )

    def test_colours_inside_an_error_do_not_count(self, project: ProjectFolder) -> None:
        record(project, replace(FAILED, exception="ValueError: \x1b[31m" + "x" * 21 + "\x1b[0m"))

        out = run_on_a_terminal("runs", cwd=project.root).out

        assert out.endswith("  ValueError: " + "x" * 21 + "\r\n")
