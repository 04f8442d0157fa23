"""Dagster shows an applied migration whose file has changed as out of date, and as changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from delembic import commands
from delembic_dagster import build_delembic_run_history_sensor
from support.dagster_location import Location
from support.projects import ProjectFolder
from support.shell import TESTS
from support.ticking import tick

pytestmark = pytest.mark.long  # each query of Dagster's pages starts a process

DEFINITIONS = """
from pathlib import Path
from delembic_dagster import DelembicProject, build_delembic_defs
defs = build_delembic_defs(DelembicProject(Path(__file__).parent))
"""
QUERY = "{ assetNodes { assetKey { path } staleStatus staleCauses { category reason } } }"


@pytest.fixture
def kept(tmp_path: Path, sqlite_url: str) -> Iterator[Location]:
    """A project in a Dagster whose events are stored in a folder, for its pages to show."""
    folder = ProjectFolder(tmp_path / "project", sqlite_url)
    folder.execute("CREATE TABLE t (name VARCHAR(20))")
    folder.write("definitions.py", DEFINITIONS)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with DagsterInstance.local_temp(str(home)) as instance:
        yield Location(folder, instance)


def statuses(location: Location) -> dict[str, tuple[str, list[str]]]:
    """The data that Dagster's pages query, from a process that has loaded the files again."""
    command = ["-c", "from dagster_graphql.cli import main; main()", "-f", "definitions.py"]
    ran = subprocess.run(
        [sys.executable, *command, "-t", QUERY],
        cwd=location.folder.root,
        env=os.environ
        | {"DAGSTER_HOME": location.instance.root_directory, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any]
    answer, _ = json.JSONDecoder().raw_decode(ran.stdout[ran.stdout.index('{"data"') :])
    return {
        node["assetKey"]["path"][-1]: (
            node["staleStatus"],
            [cause["reason"] for cause in node["staleCauses"]],
        )
        for node in answer["data"]["assetNodes"]
    }


CHANGED = ("STALE", ["has a new code version"])
FRESH: tuple[str, list[str]] = ("FRESH", [])


def test_a_changed_file_is_out_of_date_after_runs_of_this_dagster(kept: Location) -> None:
    kept.inserting("D001")
    kept.inserting("D002", "D001")
    kept.run()
    applied = kept.folder.checksum("D001")
    kept.inserting("D001", head="# an afterthought")

    assert statuses(kept) == {"D001": CHANGED, "D002": FRESH}
    facts = kept.run().materialized()

    assert facts["D001"]["changed"] is True
    assert facts["D001"]["applied_checksum"] == applied
    assert facts["D001"]["file_checksum"] == kept.folder.checksum("D001")
    assert "changed" not in facts["D002"]
    assert statuses(kept) == {"D001": CHANGED, "D002": FRESH}


def test_a_changed_file_is_out_of_date_after_a_run_on_the_command_line(kept: Location) -> None:
    kept.inserting("D001")
    kept.inserting("D002", "D001")
    kept.folder.upgrade()
    tick(build_delembic_run_history_sensor(kept.project), kept.instance)
    kept.inserting("D001", head="# an afterthought")

    assert statuses(kept) == {"D001": CHANGED, "D002": FRESH}


def test_runs_on_the_command_line_and_in_dagster_leave_nothing_out_of_date(
    kept: Location,
) -> None:
    for revision, depends_on in {"D001": (), "D002": ("D001",), "D003": ("D001", "D002")}.items():
        kept.inserting(revision, *depends_on)
    kept.folder.upgrade("D002")
    tick(build_delembic_run_history_sensor(kept.project, batch_size=1), kept.instance)
    kept.run("D003")
    tick(build_delembic_run_history_sensor(kept.project), kept.instance)

    assert statuses(kept) == {"D001": FRESH, "D002": FRESH, "D003": FRESH}


SCHEMA = """
    revision = {name!r}
    down_revision = {below!r}


    def upgrade():
        pass
"""


def test_a_revision_of_alembic_that_is_reported_late_leaves_nothing_out_of_date(
    kept: Location,
) -> None:
    kept.folder.configure(alembic_config="alembic.ini")
    kept.folder.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
    kept.folder.write("schema/versions/s1.py", SCHEMA.format(name="S001", below=None))
    kept.folder.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('S001')",
    )
    for revision in ("D001", "D002", "D003"):
        kept.inserting(revision, "S001")
    kept.run("D001")
    kept.folder.upgrade("D002")
    sensor = build_delembic_run_history_sensor(kept.project)
    assert [name for name, _ in tick(sensor, kept.instance).shown] == ["S001", "D002"]
    kept.run("D003")

    assert statuses(kept) == dict.fromkeys(("S001", "D001", "D002", "D003"), FRESH)


def test_a_changed_file_that_was_accepted_is_up_to_date(kept: Location) -> None:
    kept.inserting("D001")
    kept.inserting("D002", "D001")
    sensor = build_delembic_run_history_sensor(kept.project)
    kept.folder.upgrade()
    cursor = tick(sensor, kept.instance).cursor
    kept.inserting("D001", head="# reformatted")
    commands.accept(kept.folder.config, ["D001"])
    tick(sensor, kept.instance, cursor)

    assert statuses(kept)["D001"] == FRESH
    kept.run()
    assert statuses(kept) == {"D001": FRESH, "D002": FRESH}


VERSIONED = """
from pathlib import Path
from delembic_dagster import DagsterDelembicTranslator, DelembicProject, build_delembic_defs


class Versioned(DagsterDelembicTranslator):
    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(code_version="1")


defs = build_delembic_defs(DelembicProject(Path(__file__).parent), translator=Versioned())
"""


def test_code_versions_of_a_translator_do_not_become_out_of_date(kept: Location) -> None:
    kept.folder.write("definitions.py", VERSIONED)
    kept.inserting("D001")
    kept.inserting("D002", "D001")
    names: dict[str, Any] = {"__file__": str(kept.folder.root / "definitions.py")}
    exec(VERSIONED, names)
    translator = names["Versioned"]()
    kept.run("D001", translator=translator)
    kept.folder.upgrade()
    sensor = build_delembic_run_history_sensor(kept.project, translator=translator)
    assert tick(sensor, kept.instance).shown == [("D002", "Materialization")]

    assert statuses(kept) == {"D001": FRESH, "D002": FRESH}
