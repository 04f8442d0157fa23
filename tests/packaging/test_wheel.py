"""The wheel is all that users need."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pages import ROOT, go_through

EXAMPLE = ROOT / "example_project"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as for a release."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("delembic-*.whl")
    return wheel


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an empty environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", str(folder))
    _install(folder / "bin", str(wheel))
    return folder / "bin"


def test_it_brings_neither_alembic_nor_dagster(programs: Path) -> None:
    listed = _run(str(programs / "python"), "-m", "pip", "list", "--format", "freeze")
    installed = {line.partition("==")[0].lower() for line in listed.splitlines()}

    assert {"delembic", "sqlalchemy", "click"} <= installed
    assert not {"alembic", "dagster"} & installed


def test_getting_started_works_word_for_word(programs: Path, tmp_path: Path) -> None:
    go_through(ROOT / "docs" / "getting-started.md", tmp_path, programs)


def test_the_example_runs_by_command_line_and_by_dagster(
    wheel: Path, programs: Path, tmp_path: Path
) -> None:
    _install(programs, f"{wheel}[alembic,dagster]", "pycountry")
    folder = tmp_path / "example_project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))

    go_through(folder / "README.md", folder, programs)


def _install(programs: Path, *requirements: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check")
    _run(str(programs / "python"), "-m", "pip", "install", *quiet, *requirements)


def _run(*command: str) -> str:
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
    return result.stdout
