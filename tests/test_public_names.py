"""What ``import delembic`` gives, and that its documentation tells the truth."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import delembic

REPOSITORY = Path(__file__).parents[1]
HEAVY = ["alembic", "click", "filelock", "rich", "sqlalchemy", "tenacity"]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(delembic.__path__, "delembic.")
    if module.name != "delembic.__main__"
)


@pytest.mark.parametrize("name", delembic.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(delembic, name)

    assert (value.__doc__ or "").strip()
    assert name in dir(delembic)


def test_the_public_names_are_sorted() -> None:
    assert delembic.__all__ == sorted(delembic.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'delembic' has no attribute 'Confg'"):
        _ = delembic.Confg


def test_importing_it_is_quick_because_nothing_heavy_comes_along() -> None:
    program = f"import sys, delembic; print([name for name in {HEAVY} if name in sys.modules])"

    assert _fresh_python(program) == "[]"


def test_in_a_fresh_interpreter_each_name_can_be_the_first_to_be_used() -> None:
    program = f"""
import sys
for name in {delembic.__all__}:
    for module in [module for module in sys.modules if module.startswith("delembic")]:
        del sys.modules[module]
    exec(f"from delembic import {{name}}; print({{name}}.__name__.rpartition('.')[2])")
"""

    assert _fresh_python(program).split() == delembic.__all__


@pytest.fixture
def copied_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder above a copy of the example, which is what the examples take for their own."""
    unwanted = shutil.ignore_patterns("*.db*", "__pycache__")
    shutil.copytree(REPOSITORY / "example_project", tmp_path / "example_project", ignore=unwanted)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["delembic", *MODULES])
def test_the_examples_in_its_docstrings_are_true(name: str, copied_example: Path) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)

    for example in _examples(importlib.import_module(name)):
        runner.run(example, out=report.append)

    assert "".join(report) == ""


def test_there_are_examples() -> None:
    with_examples = [
        name for name in ["delembic", *MODULES] if _examples(importlib.import_module(name))
    ]

    assert {"delembic", "delembic.commands", "delembic.config", "delembic.migration"} <= set(
        with_examples
    )


def _examples(module: ModuleType) -> list[doctest.DocTest]:
    return [each for each in doctest.DocTestFinder().find(module) if each.examples]


def _fresh_python(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
