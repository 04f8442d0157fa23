"""The examples in docstrings, run beside a copy of the example project."""

from __future__ import annotations

import doctest
import shutil
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).parents[2] / "example_project"


def copy_example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the example project into a folder, and change to it; the examples use the copy."""
    unwanted = shutil.ignore_patterns("*.db*", "__pycache__")
    shutil.copytree(EXAMPLE, folder / EXAMPLE.name, ignore=unwanted)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(folder)
    return folder


def examples(value: object, name: str | None = None) -> list[doctest.DocTest]:
    """Return the docstrings with examples in a module, or in something from it."""
    return [each for each in doctest.DocTestFinder().find(value, name) if each.examples]


def failures(module: ModuleType) -> str:
    """Run the examples of a module, and return the failures."""
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for each in examples(module):
        runner.run(each, out=report.append)
    return "".join(report)
