"""``-v`` shows what migrations log."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from support.projects import ProjectFolder
from support.shell import run

LOGGING = """
import logging
log = logging.getLogger('loader')
log.info('%d terms', 5)
log.debug('no more')
log.warning('password=tiger')
logging.getLogger('alembic.runtime').info('of Alembic')
"""


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001", LOGGING, validate=LOGGING)
    return project


SHOWN = "  INFO 5 terms\n  WARNING password=***\n"


@pytest.mark.parametrize("option", ["-v", "--verbose"])
def test_it_is_shown_on_the_standard_error(project: ProjectFolder, option: str) -> None:
    level = logging.getLogger().level

    ran = run("upgrade", option, cwd=project.root)

    assert ran.err == SHOWN * 2
    assert ran.out.startswith("Running D001: the work of D001\n  OK (")
    assert logging.getLogger().level == level


def test_otherwise_it_is_not(project: ProjectFolder) -> None:
    assert "5 terms" not in run("upgrade", cwd=project.root).err


def test_a_verification_shows_it_too_and_its_document_stays_one(project: ProjectFolder) -> None:
    project.upgrade()

    ran = run("verify", "-v", "--json", cwd=project.root)

    assert ran.err == SHOWN
    assert json.loads(ran.out)["passed"] is True
