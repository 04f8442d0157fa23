"""Whoever packages delembic for others can run its tests from the source distribution."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import pytest

from support.pages import ROOT
from support.repository import run

pytestmark = pytest.mark.long

PART = [
    "tests/revisions",
    "tests/test_errors.py",
    "tests/repository",
    "tests/docs/test_pages.py::test_every_link_to_a_file_leads_somewhere",
]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--outdir", str(folder), str(ROOT))
    (archive,) = folder.glob("delembic-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def test_it_holds_all_that_is_in_the_repository(unpacked: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no repository")
    tracked = run("git", "ls-files").splitlines()

    assert [path for path in tracked if not (unpacked / path).exists()] == []


def test_its_tests_pass(unpacked: Path) -> None:
    whose = run(sys.executable, "-c", "import delembic; print(delembic.__file__)", cwd=unpacked)
    quick = ["-q", "-m", "not long", "-p", "no:cacheprovider"]
    ran = run(sys.executable, "-m", "pytest", *quick, *PART, cwd=unpacked)

    assert whose.startswith(str(unpacked))
    assert " passed" in ran
