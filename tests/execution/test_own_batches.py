"""Batches that a user's own object cuts, such as the pages of an API."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from delembic import commands
from delembic.errors import MigrationFailedError
from support.projects import ProjectFolder

MIGRATION = """
from datetime import date, timedelta
from delembic import BatchedMigration

class Days:
    def next(self, conn, cursor, size):
        first = cursor or date(2024, 1, 1)
        {trouble}
        if first >= date(2024, 2, 1):
            return None
        after = min(first + timedelta(days=size), date(2024, 2, 1))
        return [first + timedelta(days=n) for n in range((after - first).days)], after

    def total(self, conn):
        return 31

class Fill(BatchedMigration):
    revision = "D001"
    depends_on = []
    batches = Days()
    batch_size = 10
    batch_seconds = None
    on_error = "skip"
    max_skipped = 5

    def upgrade_batch(self, conn, part):
        for day in part.items:
            conn.exec_driver_sql(f"INSERT INTO day VALUES ('{{day}}')")
"""


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.execute("CREATE TABLE day (name VARCHAR(10) PRIMARY KEY)")
    return project


def _write(project: ProjectFolder, trouble: str = "pass") -> None:
    body = textwrap.indent(textwrap.dedent(trouble).strip(), " " * 8).strip()
    project.write("delembic/versions/D001.py", MIGRATION.format(trouble=body))


def test_every_item_comes_once(project: ProjectFolder) -> None:
    _write(project)

    project.upgrade()

    assert project.value("SELECT count(*) FROM day") == 31


def test_an_object_that_fails_stops_the_work_and_the_next_upgrade_goes_on(
    project: ProjectFolder,
) -> None:
    """Nothing is left out: no item is to blame if the object itself gives none."""
    _write(project, "if first > date(2024, 1, 15): raise OSError('the API is down')")
    with pytest.raises(MigrationFailedError, match="the API is down"):
        project.upgrade()
    (progress,) = commands.progress(project.config)
    assert (progress.rows, progress.skipped, progress.total) == (20, 0, 31)

    _write(project)
    project.upgrade()

    assert project.value("SELECT count(*) FROM day") == 31


def test_an_item_that_fails_is_left_out(project: ProjectFolder) -> None:
    project.execute("INSERT INTO day VALUES ('2024-01-17')")
    _write(project)

    project.upgrade()

    assert project.value("SELECT count(*) FROM day") == 31
    assert project.value("SELECT count(*) FROM delembic_skipped") == 1


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        ("return [first], cursor or None", "the same batch would come again"),
        ("return [first]", "returned list"),
        ("return [first], {first}", "cannot be kept"),
        ("return [first], object()", "cannot be kept"),
    ],
)
def test_an_answer_that_leads_nowhere_is_refused(
    project: ProjectFolder, trouble: str, problem: str
) -> None:
    _write(project, trouble)

    with pytest.raises(MigrationFailedError, match=problem):
        project.upgrade()

    assert project.value("SELECT count(*) FROM day") == 0
