"""With ``--json``, the standard output is one document, whoever else prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from delembic.cli import main
from support.projects import ProjectFolder
from support.shell import run_process

COMMANDS = sorted(
    name
    for name, command in main.commands.items()
    if any("--json" in parameter.opts for parameter in command.params)
)
PRINTING_ENV = """
    import atexit, os, sys
    from sqlalchemy import create_engine

    print("env.py was imported")
    os.system("echo a program was started")

    def get_engine():
        print("get_engine was called")
        sys.stdout.flush()
        return create_engine({url!r}, echo=True)
"""


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration(
        "D001",
        "print('upgrade was called')",
        validate="print('validate was called')",
        head="print('D001 was imported')\nos.write(1, b'past Python\\n')",
    )
    file = project.versions / "D001.py"
    file.write_text(file.read_text().replace("'the work of D001'", "'the work of ' + 'D001'"))
    project.upgrade()
    project.url = ""
    project.configure()
    project.write("delembic/env.py", PRINTING_ENV.format(url=sqlite_url))
    return project


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_but_the_document_is_on_the_standard_output(
    project: ProjectFolder, command: str
) -> None:
    arguments = ["D001"] if command == "show" else []

    ran = run_process(command, *arguments, "--json", cwd=project.root)

    assert ran.exit_code == 0, ran.err
    assert json.loads(ran.out)["kind"] == command
    for printed in ("env.py was imported", "a program was started", "get_engine was called"):
        assert printed in ran.err
    assert "sqlalchemy.engine" in ran.err  # each statement, as the project has asked for
    assert ("D001 was imported" in ran.err) == ("past Python" in ran.err)


def test_without_a_document_it_stays_where_it_was_printed(project: ProjectFolder) -> None:
    ran = run_process("history", cwd=project.root)

    assert "a program was started" in ran.out
    assert "get_engine was called" in ran.out
    assert ran.out.endswith("applied   D001  the work of D001\n")


def test_a_command_that_fails_prints_no_document(project: ProjectFolder) -> None:
    ran = run_process("show", "D009", "--json", cwd=project.root)

    assert (ran.exit_code, ran.out) == (2, "")
