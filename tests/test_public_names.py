"""What ``import delembic`` gives, and that its documentation tells the truth."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import delembic
from support.doctests import copy_example, examples, failures

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

    now = ["LogEntry" if name == "Attempt" else name for name in delembic.__all__]
    assert _fresh_python(program).split() == now


@pytest.mark.parametrize("name", ["delembic", *MODULES])
def test_the_examples_in_its_docstrings_are_true(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_example(tmp_path, monkeypatch)

    assert failures(importlib.import_module(name)) == ""


def test_there_are_examples() -> None:
    with_examples = [
        name for name in ["delembic", *MODULES] if examples(importlib.import_module(name))
    ]

    assert {"delembic", "delembic.commands", "delembic.config", "delembic.migration"} <= set(
        with_examples
    )


def _fresh_python(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
