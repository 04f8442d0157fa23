"""The wheel is all that users need."""

import shutil
import sys
from pathlib import Path

import pytest

from support.pages import ROOT, go_through
from support.repository import run
from support.shell import wait_until
from support.user_interface import ENDED, UserInterface

pytestmark = pytest.mark.long

SLOW_SECONDS = 120.0
EXAMPLE = ROOT / "example_project"


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an empty environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", str(folder))
    _install(folder / "bin", str(wheel))
    return folder / "bin"


def test_it_brings_neither_alembic_nor_dagster(programs: Path) -> None:
    listed = run(str(programs / "python"), "-m", "pip", "list", "--format", "freeze")
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


@pytest.mark.long
@pytest.mark.timeout(900)  # it installs Dagster
def test_the_quickstart_with_dagster_works_word_for_word(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an environment that the page makes itself, with the wheel where PyPI would be asked."""
    constraint = tmp_path / "constraint.txt"
    constraint.write_text(f"delembic=={wheel.name.split('-')[1]}\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(constraint))
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    for variable in ("DAGSTER_HOME", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "shop"
    folder.mkdir()

    go_through(
        ROOT / "docs" / "dagster-quickstart.md",
        folder,
        installing=True,
        in_the_browser=_materialize_everything,
    )


def _materialize_everything(address: str) -> None:
    """Press *Materialize all*, wait for the run, and see the asset and its check in green."""
    dagster = UserInterface(address)
    wait_until(dagster.is_up, SLOW_SECONDS)
    run = dagster.materialize_all()

    wait_until(lambda: dagster.status(run) in ENDED, SLOW_SECONDS)

    assert dagster.status(run) == "SUCCESS"
    assert dagster.materializations() == {"delembic/D001_load_colours": "applied"}
    assert dagster.checks()["delembic/D001_load_colours:validate"] == "SUCCEEDED"


def _install(programs: Path, *requirements: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check")
    run(str(programs / "python"), "-m", "pip", "install", *quiet, *requirements)
