"""What is written for contributors can be done."""

from __future__ import annotations

import re

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
