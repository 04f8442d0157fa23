"""The messages of commands that refuse to run anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from support.projects import ProjectFolder
from support.shell import run

FEW_LINES = 5
CANNOT_READ = (
    "Correct it, or install what it imports; on the command line, --debug shows the traceback."
)


def refusal(project: ProjectFolder, *arguments: str) -> str:
    """The message of a command that exits with code 2 and has run nothing."""
    ran = run(*(arguments or ("upgrade",)), cwd=project.root)

    assert (ran.exit_code, ran.out) == (2, ""), ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= FEW_LINES
    assert nothing_was_run(project)
    return ran.err


def nothing_was_run(project: ProjectFolder) -> bool:
    """Whether the database of a project, if it exists, has no tables."""
    path = Path(project.url.removeprefix("sqlite:///"))
    return not path.exists() or inspect(create_engine(project.url)).get_table_names() == []


def skip_if_root() -> None:
    """Skip a test of permissions for root, who has all of them."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
