"""What stands in the repository for those who work on it: its targets, paths and settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from support.pages import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Made by the commands that a page tells of.
_MADE = re.compile(r"(?:delembic/)?\.venv\b|dist/|htmlcov/|site/")


def targets() -> set[str]:
    """The targets of the Makefile that `make help` lists."""
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def make(target: str, **variables: object) -> str:
    """Run a target with the programs of this environment, and return what it printed.

    Raises:
        AssertionError: It failed.
    """
    programs = Path(sys.executable).parent
    environment = {"READY": "", "BIN": programs, "DEMO_READY": "", "DEMO_BIN": programs}
    settings = environment | variables
    return run("make", target, *(f"{name}={value}" for name, value in settings.items()))


def run(*command: str, cwd: Path = ROOT) -> str:
    """Run a program, and return what it printed.

    Raises:
        AssertionError: It failed.
    """
    # Not as a part of the make that may be running these tests.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def targets_named_in(commands: str) -> set[str]:
    """The targets that some commands make."""
    made = re.findall(r"(?:^|&&|;)\s*make((?: +[\w=./-]+)+)", commands, re.MULTILINE)
    words = " ".join(re.sub(r"-C \S+", "", arguments) for arguments in made).split()
    return {word for word in words if "=" not in word}


def commands_in(page: str) -> str:
    """What a page shows as code, in its lines and in blocks."""
    fenced = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced.findall(page), *re.findall(r"`([^`\n]+)`", fenced.sub("", page))])


def paths_named_in(page: str) -> set[str]:
    """The paths of the repository that a page shows as code."""
    code = commands_in(page)
    named = re.findall(r"^((?:[\w.-]+/)+[\w.-]*|\.?[\w-]+\.(?:md|toml))$", code, re.MULTILINE)
    typed = re.findall(r"(?<= )(?:tests|docs|delembic)/[\w./-]+", code)
    return {path for path in [*named, *typed] if not _MADE.match(path)}
