"""``delembic check``: what is wrong, each on a line, and the exit code for CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.projects import ProjectFolder
from support.shell import Ran, run

CHANGED = (
    "delembic/versions/D001.py:4: D001 has changed since it was applied. Restore its file, and put"
    " the change into a new migration. If it makes no difference to the data, accept it: delembic"
    " stamp --accept D001"
)
PENDING = "delembic/versions/D002.py:4: D002 is pending. Apply it: delembic upgrade"


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """A project with an applied migration that was changed, and a pending one."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    path = project.migration("D001")
    project.upgrade()
    path.write_text(f"{path.read_text()}# changed\n")
    project.migration("D002")
    return project


def test_each_finding_has_a_line_with_its_place(project: ProjectFolder) -> None:
    assert run("check", cwd=project.root) == Ran(
        1, f"{CHANGED}\n{PENDING}\nFound 2 problems.\n", ""
    )


def test_what_is_pending_can_be_passed_over(project: ProjectFolder) -> None:
    assert run("check", "--pending-ok", cwd=project.root) == Ran(
        1, f"{CHANGED}\nFound 1 problem.\n", ""
    )


def test_the_files_can_be_looked_at_alone(project: ProjectFolder) -> None:
    assert run("check", "--offline", cwd=project.root) == Ran(0, "No problem found.\n", "")


def test_github_gets_annotations_for_the_lines_and_nothing_else(project: ProjectFolder) -> None:
    ran = run("check", "--format", "github", cwd=project.root, GITHUB_WORKSPACE="")

    first = "::error file=delembic/versions/D001.py,line=4,title=delembic (changed)::"
    second = "::error file=delembic/versions/D002.py,line=4,title=delembic (pending)::"
    assert ran == Ran(1, f"{first}{CHANGED}\n{second}{PENDING}\n", "")
    assert run("check", "--offline", "--format", "github", cwd=project.root) == Ran(0, "", "")


def test_paths_for_github_begin_at_its_checkout(project: ProjectFolder) -> None:
    checkout = str(project.root.parent)

    ran = run("check", "--format", "github", cwd=project.versions, GITHUB_WORKSPACE=checkout)

    assert ran.out.startswith("::error file=project/delembic/versions/D001.py,line=4,")


def test_what_has_a_meaning_in_an_annotation_is_escaped(project: ProjectFolder) -> None:
    (project.versions / "D002.py").rename(project.versions / "50%, a:b.py")

    ran = run("check", "--format", "github", cwd=project.root, GITHUB_WORKSPACE="")

    assert "::error file=delembic/versions/50%25%2C a%3Ab.py,line=4,title=" in ran.out
    assert "::delembic/versions/50%25, a:b.py:4: D002 is pending." in ran.out


def test_programs_get_a_document(project: ProjectFolder) -> None:
    ran = run("check", "--pending-ok", "--json", cwd=project.root)

    place, _, text = CHANGED.partition(": ")
    text, _, remedy = text.partition(". ")
    assert (ran.exit_code, ran.err) == (1, "")
    assert json.loads(ran.out) == {
        "schema_version": 1,
        "kind": "check",
        "passed": False,
        "findings": [
            {
                "rule": "changed",
                "file": place.removesuffix(":4"),
                "line": 4,
                "revision": "D001",
                "text": f"{text}.",
                "remedy": remedy,
            }
        ],
    }


def test_a_document_has_no_other_format(project: ProjectFolder) -> None:
    ran = run("check", "--json", "--format", "github", cwd=project.root)

    assert (ran.exit_code, ran.out) == (2, "")
    assert "--json and --format exclude each other" in ran.err


def test_a_check_that_cannot_be_done_is_no_finding(project: ProjectFolder) -> None:
    project.configure(lock="never")

    ran = run("check", cwd=project.root)

    assert (ran.exit_code, ran.out) == (2, "")
    assert "'never' is not one of" in ran.err
