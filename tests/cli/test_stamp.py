"""``delembic stamp``: what is on record about applied migrations, corrected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.projects import ProjectFolder
from support.shell import Ran, run


@pytest.fixture
def edited(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """A project with an applied migration whose file was reformatted, and one that was not."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001")
    path = project.migration("D002")
    project.upgrade()
    path.write_text(f"{path.read_text()}# reformatted\n")
    return project


def test_each_revision_is_named_with_what_was_done(edited: ProjectFolder) -> None:
    assert run("stamp", "--accept", "D001", "D002", cwd=edited.root) == Ran(
        0,
        "D001: its file is unchanged since it was applied; there is nothing to accept.\n"
        "D002: its file counts as the one that was applied (log entry 3).\n",
        "",
    )
    assert "changed" not in run("history", cwd=edited.root).out


def test_a_refusal_names_the_revision_and_the_reason(edited: ProjectFolder) -> None:
    edited.migration("D003")

    assert run("stamp", "--accept", "D002", "D003", cwd=edited.root) == Ran(
        2,
        "",
        "Error: Some of these revisions have no file to accept:\n"
        "  D003: it is not applied\n"
        "Name only revisions that are applied and have a file.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["D002"], "Missing option '--accept'"), (["--accept"], "Missing argument 'REV...'")],
    ids=["without --accept", "without a revision"],
)
def test_what_to_accept_must_be_said(
    edited: ProjectFolder, arguments: list[str], complaint: str
) -> None:
    ran = run("stamp", *arguments, cwd=edited.root)

    assert ran.exit_code == 2
    assert complaint in ran.err


def test_runs_and_show_tell_of_it(edited: ProjectFolder) -> None:
    run("stamp", "--accept", "D002", cwd=edited.root)
    edited.write("delembic/versions/D002.py", (edited.versions / "D002.py").read_text() + "# more")

    (listed,) = run("runs", "--operation", "accept", cwd=edited.root).out.splitlines()
    shown = run("show", "D002", cwd=edited.root).out
    document = json.loads(run("show", "D002", "--json", cwd=edited.root).out)

    assert "success  D002  accept  0.00s" in listed
    assert "  when it was accepted" in shown
    assert "Its file was accepted as it was:\n\n3  " in shown
    (entry,) = document["acceptances"]
    assert (entry["operation"], entry["executor"]) == ("accept", "cli")
    assert entry["checksum"] == document["applied_checksum"] != document["checksum"]
    assert f"\n    {entry['checksum']}" in shown


def test_that_there_is_none_is_said_in_its_own_words(edited: ProjectFolder) -> None:
    ran = run("runs", "--operation", "accept", "D001", cwd=edited.root)

    assert ran.out == "No acceptance of D001 on record.\n"
