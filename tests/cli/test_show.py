"""``delembic show``: one revision, all its attempts, and the whole of each error."""

from __future__ import annotations

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
    MARKS,
    VERIFIED,
    record,
    record_as_1,
)
from support.projects import ProjectFolder
from support.shell import Ran, run, run_on_a_terminal

BROKEN = """\
2  2024-01-15 10:31:00+00:00  failed   3m 05s         ann@db1, pid 4313 (cli), delembic 2.0.0
    Traceback (most recent call last):
      File "/srv/shop/delembic/versions/D002.py", line 13, in validate
        raise ValueError(f"expected 1 changed term, found {changed}")
    ValueError: expected 1 changed term, found 3
"""


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def test_all_that_is_known_is_shown_and_the_newest_attempt_is_nearest_to_the_prompt(
    project: ProjectFolder,
) -> None:
    project.migration("D001")
    project.migration("D002", depends_on=("D001",))
    record(project, *LOG, *MARKS)

    assert run("show", "D002", cwd=project.root) == Ran(
        0,
        f"""\
D002  the work of D002

state       applied 2024-01-15 11:30:00+00:00
file        delembic/versions/D002.py:4  changed since it was applied
depends on  D001
checksum    {project.checksum("D002")}  now
            {"3" * 64}  when it was applied

{BROKEN}
3  2024-01-15 11:30:00+00:00  success   0.50s  1 row  dagster@worker-7, pid 1 (dagster run {DAGSTER_RUN}), delembic 2.0.0
""",  # noqa: E501 - lines are as long as they are
        "",
    )


def test_an_unchanged_file_has_one_checksum(project: ProjectFolder) -> None:
    project.migration("D001")
    checksum = project.checksum("D001")
    record(project, LOADED, replace(MARKS[0], checksum=checksum))

    assert (
        run("show", "D001", cwd=project.root).out
        == f"""\
D001  the work of D001

state       applied 2024-01-15 10:30:01+00:00
file        delembic/versions/D001.py:4  unchanged since it was applied
checksum    {checksum}

1  2024-01-15 10:30:00+00:00  success  1.24s  13,622 rows  ann@db1, pid 4312 (cli), delembic 2.0.0
"""
    )


def test_one_that_was_never_tried_says_so(project: ProjectFolder) -> None:
    project.migration("D001")

    assert (
        run("show", "D001", cwd=project.root).out
        == f"""\
D001  the work of D001

state       pending
file        delembic/versions/D001.py:4
checksum    {project.checksum("D001")}

No attempt on record.
"""
    )


def test_one_that_is_blocked_says_by_what(project: ProjectFolder) -> None:
    project.migration("D002")
    project.migration("D003", depends_on=("D002", "S001"))
    record(project, FAILED)

    lines = run("show", "D003", cwd=project.root).out.splitlines()

    assert "state       blocked, waits for D002, S001" in lines
    assert "depends on  D002, S001" in lines


def test_of_one_whose_file_is_gone_there_is_what_is_on_record(project: ProjectFolder) -> None:
    record(project, FAILED, CORRECTED, MARKS[1])

    assert (
        run("show", "D002", cwd=project.root).out.partition("\n2  ")[0]
        == f"""\
D002  correct cherry

state       applied 2024-01-15 11:30:00+00:00
file        gone
checksum    {"3" * 64}  when it was applied
"""
    )


def test_of_delembic_1_there_is_what_it_kept(project: ProjectFolder) -> None:
    record_as_1(project, LOADED, MARKS[0])

    assert (
        run("show", "D001", cwd=project.root).out
        == """\
D001

state       applied 2024-01-15 10:30:01+00:00
file        gone

1  2024-01-15 10:30:00+00:00  success  1.24s  ann@db1
"""
    )


def test_one_that_was_recovered_says_so(project: ProjectFolder) -> None:
    record(project, replace(LOADED, rows_affected=None, recovered=True), MARKS[0])

    assert run("show", "D001", cwd=project.root).out.endswith("""\
1  2024-01-15 10:30:00+00:00  success  1.24s  ann@db1, pid 4312 (cli), delembic 2.0.0
    recovered: its run died after the commit
""")


def test_verifications_come_after_the_attempts(project: ProjectFolder) -> None:
    project.migration("D002")
    record(project, CORRECTED, MARKS[1], VERIFIED, DRIFTED)

    out = run("show", "D002", cwd=project.root).out

    assert out.endswith(f"""\
3  2024-01-15 11:30:00+00:00  success  0.50s  1 row  dagster@worker-7, pid 1 (dagster run {DAGSTER_RUN}), delembic 2.0.0

Its last verifications:

5  2024-01-15 13:30:00+00:00  success  0.25s  dagster@worker-7, pid 1 (dagster run {DAGSTER_RUN}), delembic 2.0.0
6  2024-01-15 14:30:00+00:00  failed   0.25s  dagster@worker-7, pid 1 (dagster run {DAGSTER_RUN}), delembic 2.0.0
    Traceback (most recent call last):
      File "/srv/shop/delembic/versions/D002.py", line 13, in validate
        raise ValueError(f"expected 1 changed term, found {{changed}}")
    ValueError: expected 1 changed term, found 3
""")  # noqa: E501 - lines are as long as they are


def test_the_path_is_shown_from_the_working_folder_on(project: ProjectFolder) -> None:
    project.migration("D001")

    assert "file        D001.py:4\n" in run("show", "D001", cwd=project.versions).out


def test_an_unknown_revision_is_told_with_the_nearest(project: ProjectFolder) -> None:
    project.migration("D001")

    assert run("show", "D01", cwd=project.root) == Ran(
        2,
        "",
        "Error: There is no revision 'D01'. Did you mean 'D001'?\n"
        "'delembic history' lists the revisions.\n",
    )


def test_a_failed_upgrade_points_to_it(project: ProjectFolder) -> None:
    project.migration("D001", "raise ValueError('first line\\nlast line')")

    failed = run("upgrade", cwd=project.root)
    shown = run("show", "D001", cwd=project.root).out

    assert failed.err.splitlines()[-1] == "See the whole error: delembic show D001"
    assert shown.endswith("""
        raise ValueError('first line\\nlast line')
    ValueError: first line
    last line
""")


def test_an_upgrade_that_was_refused_has_nothing_to_show(project: ProjectFolder) -> None:
    project.write("delembic/versions/D001.py", "def upgrade(:\n")

    assert "delembic show" not in run("upgrade", cwd=project.root).err


def test_on_a_terminal_there_are_colours(project: ProjectFolder) -> None:
    project.migration("D002")
    record(project, FAILED, CORRECTED, MARKS[1])

    out = run_on_a_terminal("show", "D002", cwd=project.root).out

    assert "\x1b[1mD002  the work of D002\x1b[0m" in out
    assert "state       \x1b[32mapplied\x1b[0m 2024" in out
    assert "\x1b[33mchanged since it was applied\x1b[0m" in out
    assert "\x1b[31mfailed \x1b[0m" in out
