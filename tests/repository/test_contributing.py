"""What is written for contributors can be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.pages import ROOT
from support.repository import commands_in, make, paths_named_in, run, targets, targets_named_in

MAKEFILE = (ROOT / "Makefile").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
WRITTEN = [
    "CONTRIBUTING.md",
    "SECURITY.md",
    "README.md",
    *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))),
]


@pytest.mark.parametrize("page", WRITTEN)
def test_every_target_that_a_page_names_is_there(page: str) -> None:
    assert targets_named_in(commands_in((ROOT / page).read_text())) <= targets()


def test_it_names_every_target() -> None:
    assert targets_named_in(commands_in(CONTRIBUTING)) == targets()


@pytest.mark.parametrize(
    "path",
    sorted(paths_named_in(CONTRIBUTING) | paths_named_in((ROOT / "SECURITY.md").read_text())),
)
def test_every_path_that_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_path_in_the_makefile_is_there() -> None:
    named = re.findall(r"\b(?:benchmarks|example_project|tests)/[\w/]+\b(?:\.\w+)?", MAKEFILE)

    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_help_lists_every_target() -> None:
    listed = {line.split()[1] for line in make("help").splitlines()}

    assert listed == targets()


@pytest.mark.parametrize("target", sorted(targets()))
def test_every_target_can_be_made(target: str) -> None:
    run("make", "--dry-run", target)


def _light_environment() -> str:
    """What the Makefile does where no environment is ready."""
    return run("make", "--dry-run", "demo", "READY=none", "LIGHT=none-yet")


def test_the_demo_installs_no_more_than_the_example_needs_and_says_what_it_does() -> None:
    planned = _light_environment()

    assert 'echo "Making none-yet with what the example needs' in planned
    assert "--editable '.[alembic,dagster]'" in planned
    assert "[dev]" not in planned
    assert "--quiet" not in planned
    assert "none-yet/bin/dagster job execute" in planned


def test_dev_works_from_the_environment_of_the_demo_and_names_the_address() -> None:
    planned = run("make", "--dry-run", "dev", "READY=none", "LIGHT=none-yet")

    assert "none-yet/bin/dagster dev" in planned
    assert "none-yet/bin/alembic" in planned
    assert "http://localhost:3000" in planned
    assert "http://localhost:3000" in (ROOT / "README.md").read_text()


def test_a_whole_environment_serves_the_demo_too(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.touch()

    planned = run("make", "--dry-run", "demo", f"VENV={tmp_path}", f"READY={ready}")

    assert f"{tmp_path}/bin/dagster job execute" in planned
    assert "pip install" not in planned


def test_no_two_targets_differ_by_a_letter() -> None:
    names = sorted(targets())

    assert [name for name in names if f"{name}s" in names] == []


def test_what_is_made_is_cleaned_and_ignored() -> None:
    cleaned = run("make", "--dry-run", "clean")

    assert " .venv-demo " in cleaned
    assert "/.venv-demo/\n" in (ROOT / ".gitignore").read_text()


@pytest.mark.long
def test_the_demo_ends_with_what_was_loaded_and_what_to_do_next(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'vocabulary.db'}"

    printed = make("demo", DATABASE_URL=database, DAGSTER_HOME=tmp_path)

    assert re.search(
        r"^together +13,622\nNow: make dev, which shows it in Dagster on http://localhost:3000\n",
        printed,
        re.MULTILINE,
    )
