"""A day with the example in Dagster's user interface, in a real browser.

It is one test, since each part of it goes on where the one before ended.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.browser.album import Album
from support.browser.changes import (
    add_a_broken_migration_and_two_more,
    correct_the_broken_migration,
)
from support.browser.dagster_ui import DagsterUI
from support.browser.example import ENVIRONMENT, Example
from support.shell import run_process

LOADED = [f"D{number:03}" for number in range(1, 13)]
GEOGRAPHY, CONTINENTS, CAPITALS = "D007_geography_concepts", "D013_continents", "D014_capitals"


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_day_in_dagsters_user_interface(ui: DagsterUI, example: Example, album: Album) -> None:
    _one_press_loads_everything(ui, album)
    _a_migration_tells_what_it_did(ui, example, album)
    _its_check_and_its_place_are_to_be_seen(ui, album)

    add_a_broken_migration_and_two_more(example.versions)
    _a_failure_leaves_the_rest_alone(ui, example, album)
    _who_waits_for_it_says_so(ui, example, album)

    correct_the_broken_migration(example.versions)
    assert run_process("upgrade", "head", cwd=example.project, **ENVIRONMENT).exit_code == 0
    _what_the_command_line_did_is_not_done_again(ui, example, album)


def _one_press_loads_everything(ui: DagsterUI, album: Album) -> None:
    ui.turn_on("delembic_upgrade_run_history_sensor")
    ui.open_job()
    assert ui.run(ui.materialize()) == "Success"

    ui.open_graph()
    ui.wait_for_colour("green", *LOADED)
    # The sensor reports what Alembic has applied.
    ui.wait_for_colour("green", "S001", "S002")
    album.take(ui.page, "graph")
    schema = ui.metadata("S001", prefix="alembic")
    assert schema["delembic/schema_message"] == "The vocabularies and their concepts, as in OMOP."
    assert schema["delembic/status"] == "applied"


def _a_migration_tells_what_it_did(ui: DagsterUI, example: Example, album: Album) -> None:
    metadata = ui.metadata(GEOGRAPHY)
    album.take(ui.page, "asset")

    assert metadata["delembic/status"] == "applied"
    assert metadata["delembic/rows_affected"] == "5295"
    assert metadata["delembic/history_id"] == _last_attempt(example, "D007")["id"]
    ui.wait_for_text("load the concepts of geography")
    neighbours = {name.partition("_")[0]: green for name, green in ui.neighbours().items()}
    assert neighbours.items() >= {"D002": True, "D003": True, "D009": True}.items()

    assert {"delembic/duration_seconds", "delembic/rows_affected"} <= set(ui.plots())
    album.take(ui.page, "plots")


def _its_check_and_its_place_are_to_be_seen(ui: DagsterUI, album: Album) -> None:
    check = ui.check(GEOGRAPHY, "validate")
    album.take(ui.page, "check")
    assert check.result == "Passed"
    assert "Validated in the transaction that applied it." in check.text
    # The job leaves out the check on committed data, which is known to pass all the same.
    again = ui.check(GEOGRAPHY, "validate_again")
    assert again.result == "Passed"
    assert again.text.index("validate\n") < again.text.index("validate_again\n")
    assert "Not Evaluated" not in again.text

    ui.open_lineage(GEOGRAPHY)
    album.take(ui.page, "lineage")


def _a_failure_leaves_the_rest_alone(ui: DagsterUI, example: Example, album: Album) -> None:
    ui.open_graph()
    ui.reload_definitions()
    ui.open_job()
    assert ui.run(ui.materialize()) == "Failure"
    ui.wait_for_steps(errored=1, not_executed=1)
    album.take(ui.page, "failed-run")
    message, metadata = ui.failure()
    audited = _last_attempt(example, "D013")
    assert "D013 failed in validate: ValueError: continents: expected 7, found 6" in message
    assert metadata["delembic/history_id"] == audited["id"]
    assert audited["status"] == "failed"

    check = ui.check(CONTINENTS, "validate")
    album.take(ui.page, "failed-check")
    assert check.result == "Failed"
    assert "continents: expected 7, found 6" in check.text
    assert check.metadata["delembic/history_id"] == audited["id"]

    ui.open_graph()
    ui.wait_for_colour("red", "D013", "D014")
    ui.wait_for_colour("green", *LOADED, "D015")
    album.take(ui.page, "failed-graph")
    # It was already applied, and is no less green for having been asked again.
    assert ui.metadata(GEOGRAPHY)["delembic/status"] == "already_applied"


def _who_waits_for_it_says_so(ui: DagsterUI, example: Example, album: Album) -> None:
    ui.open_asset(CAPITALS)
    assert ui.run(ui.materialize()) == "Failure"
    album.take(ui.page, "blocked")
    message, metadata = ui.failure()

    assert "it depends on D013" in message
    assert metadata["delembic/status"] == "blocked"
    assert metadata["delembic/history_id"] == _last_attempt(example, "D014")["id"]
    check = ui.check(CAPITALS, "validate")
    assert "It was not evaluated. D014" in check.text


def _what_the_command_line_did_is_not_done_again(
    ui: DagsterUI, example: Example, album: Album
) -> None:
    ui.open_graph()
    ui.reload_definitions()
    ui.open_job()
    assert ui.run(ui.materialize()) == "Success"

    metadata = ui.metadata(CONTINENTS)
    album.take(ui.page, "already-applied")
    audited = _last_attempt(example, "D013")
    assert metadata["delembic/status"] == "already_applied"
    assert "(cli)" in metadata["delembic/applied_by"]
    assert metadata["delembic/history_id"] == audited["id"]
    assert audited["executor"] == "cli"
    ui.open_graph()
    ui.wait_for_colour("green", *LOADED, "D013", "D014", "D015")


def _last_attempt(example: Example, revision: str) -> dict[str, Any]:
    """The newest row of the audit log, as the command line shows it, in words of the page."""
    shown = run_process("show", revision, "--json", cwd=example.project, **ENVIRONMENT)
    (*_, attempt) = sorted(json.loads(shown.out)["attempts"], key=lambda row: row["id"])
    return {**attempt, "id": str(attempt["id"])}
