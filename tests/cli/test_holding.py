"""The commands about migrations in batches, and what an upgrade prints of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.projects import ProjectFolder
from support.shell import Ran, run

MIGRATION = """
from delembic import BatchedMigration, KeyRanges
from sqlalchemy import text

class Count(BatchedMigration):
    revision = "D001"
    depends_on = []
    description = "count"
    batches = KeyRanges("t")
    batch_size = 10
    batch_seconds = None

    def upgrade_batch(self, conn, batch):
        conn.execute(text(f"UPDATE t SET n = n + 1 WHERE {batch.where}"), batch.parameters)
        if conn.exec_driver_sql("SELECT count(*) FROM t WHERE n > 0").scalar() > LIMIT:
            raise ValueError("gone wrong")
"""


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    rows = ", ".join(f"({number}, 0)" for number in range(1, 101))
    project.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)", f"INSERT INTO t VALUES {rows}"
    )
    return project


@pytest.fixture
def half_done(project: ProjectFolder) -> ProjectFolder:
    """A project whose migration has failed in its forty-fourth row."""
    project.write("delembic/versions/D001.py", MIGRATION.replace("LIMIT", "43"))
    assert run("upgrade", cwd=project.root).exit_code == 1
    return project


def test_progress_says_how_far_it_is(half_done: ProjectFolder) -> None:
    ran = run("progress", cwd=half_done.root)

    assert ran.out.startswith("D001  43 rows are done (42 %)")
    assert run("progress", "D001", cwd=half_done.root).out == ran.out


def test_progress_as_a_document(half_done: ProjectFolder) -> None:
    document = json.loads(run("progress", "--json", cwd=half_done.root).out)

    (found,) = document["revisions"]
    assert document["kind"] == "progress"
    assert (found["revision"], found["rows"], found["held"]) == ("D001", 43, False)
    assert found["updated_at"].endswith("+00:00")


def test_without_any_there_is_no_progress(project: ProjectFolder) -> None:
    assert run("progress", cwd=project.root) == Ran(0, "No migration in batches has begun.\n", "")


def test_an_unknown_revision_is_named_with_its_nearest(half_done: ProjectFolder) -> None:
    for command in ("progress", "pause", "resume"):
        ran = run(command, "D01", cwd=half_done.root)
        assert (ran.exit_code, "Did you mean 'D001'" in ran.err) == (2, True), ran.err


def test_history_and_show_say_how_far_it_is(half_done: ProjectFolder) -> None:
    run("pause", "D001", cwd=half_done.root)

    assert run("history", cwd=half_done.root).out == "paused    D001  count  (42 %)\n"
    assert "43 rows are done (42 %)" in run("show", "D001", cwd=half_done.root).out


def test_a_pause_holds_until_it_is_resumed(half_done: ProjectFolder) -> None:
    paused = run("pause", "D001", cwd=half_done.root)
    refused = run("upgrade", cwd=half_done.root)
    resumed = run("resume", "D001", cwd=half_done.root)

    assert paused.out == "D001 is paused: 43 rows are done (42 %).\n"
    assert refused.exit_code == 3
    assert "delembic resume D001" in refused.err
    assert resumed.out == "D001 goes on with the next upgrade: 43 rows are done (42 %).\n"
    operations = [row.operation for row in half_done.attempts()]
    assert operations == ["upgrade", "pause", "resume"]


def test_what_is_not_paused_cannot_be_resumed(half_done: ProjectFolder) -> None:
    ran = run("resume", "D001", cwd=half_done.root)

    assert (ran.exit_code, ran.err.splitlines()[0]) == (2, "Error: D001 is not paused.")


def test_a_restart_asks_and_says_what_it_means(half_done: ProjectFolder) -> None:
    asked = run("restart", "D001", cwd=half_done.root)
    forgotten = run("restart", "--yes", "D001", cwd=half_done.root)

    assert asked.exit_code == 1
    assert "stay done" in asked.out
    assert forgotten.out == (
        "D001 begins anew with the next upgrade; before, 43 rows are done (42 %).\n"
    )
    assert run("progress", cwd=half_done.root).out == "No migration in batches has begun.\n"


def test_an_upgrade_that_was_to_stop_says_so_and_is_no_error(project: ProjectFolder) -> None:
    project.write("delembic/versions/D001.py", MIGRATION.replace("LIMIT", "100"))

    ran = run("upgrade", "--stop-after", "0s", cwd=project.root)

    assert ran.exit_code == 3
    assert ran.err.startswith("Stopped: The time is up, with 1 of the migrations left")


def test_an_upgrade_goes_on_and_says_so(half_done: ProjectFolder) -> None:
    half_done.write("delembic/versions/D001.py", MIGRATION.replace("LIMIT", "100"))

    ran = run("upgrade", cwd=half_done.root)

    assert ran.exit_code == 0
    assert "D001 goes on where it was stopped: 43 rows are done (42 %)" in ran.out
    assert "its file has been edited since" in ran.out
    assert half_done.value("SELECT max(n) FROM t") == 1


@pytest.mark.parametrize("length", ["soon", "", "-1", "1x"])
def test_a_length_of_time_that_is_none_is_refused(project: ProjectFolder, length: str) -> None:
    ran = run("upgrade", f"--stop-after={length}", cwd=project.root)

    assert ran.exit_code == 2
    assert "is no length of time" in ran.err
