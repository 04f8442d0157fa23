"""The public names of ``delembic_dagster``, and the examples in their docstrings."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import delembic_dagster
from support.doctests import copy_example, examples, failures

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(delembic_dagster.__path__, "delembic_dagster.")
)


@pytest.mark.parametrize("name", delembic_dagster.__all__)
def test_every_public_name_exists_and_has_a_docstring(name: str) -> None:
    assert (getattr(delembic_dagster, name).__doc__ or "").strip()


def test_the_public_names_are_sorted() -> None:
    assert delembic_dagster.__all__ == sorted(delembic_dagster.__all__)


@pytest.mark.parametrize("name", ["delembic_dagster", *MODULES])
def test_the_examples_in_the_docstrings_are_true(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_example(tmp_path, monkeypatch)

    assert failures(importlib.import_module(name)) == ""


@pytest.mark.parametrize("name", delembic_dagster.__all__)
def test_every_public_name_has_an_example(name: str) -> None:
    value = getattr(delembic_dagster, name)

    assert examples(value, name), f"{name} has no example"


def test_without_dagster_the_import_names_the_extra() -> None:
    program = (
        "import sys\n"
        "sys.modules.update({'dagster': None, 'dagster_shared': None})\n"
        "try:\n"
        "    import delembic_dagster\n"
        "except ImportError as error:\n"
        "    print(error)"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == (
        "delembic_dagster needs the package dagster, which is not installed.\n"
        "Install it: pip install 'delembic[dagster]'\n"
    )
