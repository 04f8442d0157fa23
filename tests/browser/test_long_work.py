"""A migration in batches in Dagster's user interface, half-way through, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from delembic import commands
from support.browser.album import Album
from support.browser.dagster_ui import DagsterUI
from support.browser.example import ENVIRONMENT
from support.dagster_dev import dagster_dev
from support.projects import ProjectFolder
from support.shell import wait_until

ROWS = 1_000

_DEFINITIONS = """\
from pathlib import Path

from delembic_dagster import DelembicProject, build_delembic_defs

defs = build_delembic_defs(DelembicProject(Path(__file__).parent))
"""
_MEASUREMENTS = f"""\
from delembic import DataMigration


class LoadMeasurements(DataMigration):
    revision = "D001"
    depends_on = []
    description = "load measurements"

    def upgrade(self, conn):
        conn.exec_driver_sql("CREATE TABLE measurement (id INTEGER PRIMARY KEY, unit TEXT)")
        conn.exec_driver_sql(
            "WITH RECURSIVE number (n) AS"
            " (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT {ROWS})"
            " INSERT INTO measurement SELECT n, 'MG' FROM number"
        )
"""
_UNITS = """\
from delembic import BatchedMigration, KeyRanges, Pause
from sqlalchemy import text


class LowerUnits(BatchedMigration):
    revision = "D002"
    depends_on = ["D001"]
    description = "lower-case the units"

    batches = KeyRanges("measurement")
    batch_size = 25
    batch_seconds = None
    throttle = [Pause(seconds=0.75)]

    def upgrade_batch(self, conn, batch):
        update = f"UPDATE measurement SET unit = lower(unit) WHERE {batch.where}"
        conn.execute(text(update), batch.parameters)
"""


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    folder = tmp_path / "lab"
    project = ProjectFolder(folder, f"sqlite:///{folder / 'lab.db'}")
    project.write("delembic/versions/D001_measurements.py", _MEASUREMENTS)
    project.write("delembic/versions/D002_lower_units.py", _UNITS)
    project.write("definitions.py", _DEFINITIONS)
    project.write("workspace.yaml", "load_from:\n  - python_file: definitions.py\n")
    project.upgrade("D001")
    return project


@pytest.mark.long
@pytest.mark.timeout(600)
def test_how_far_long_work_is_can_be_seen_while_it_runs(
    page: Page, project: ProjectFolder, album: Album, tmp_path: Path
) -> None:
    with dagster_dev(project.root, tmp_path / "dagster_home", ENVIRONMENT) as address:
        ui = DagsterUI(page, address)
        ui.open_job()
        run = ui.materialize()
        wait_until(lambda: _rows_done(project) > ROWS / 2, 120)

        ui.open_asset("D002")
        plots = ui.plots()
        album.take(page, "long-work")
        assert {"delembic/rows_done", "delembic/rows_per_second", "delembic/percent_done"} <= set(
            plots
        )
        assert _rows_done(project) < ROWS, "It was over before anybody could look."
        assert project.states()["D002"] == "running"

        assert ui.run(run) == "Success"
        assert ui.metadata("D002")["delembic/percent_done"] == "100"


def _rows_done(project: ProjectFolder) -> int:
    (*_, rows) = (0, *(each.rows for each in commands.progress(project.config, "D002")))
    return rows
