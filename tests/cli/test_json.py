"""``--json``: one document on standard output, in the shape that is documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.audit_rows import (
    CORRECTED,
    DAGSTER_RUN,
    FAILED,
    LOG,
    MARKS,
    MISTAKE,
    record,
    record_as_1,
)
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.shell import run, run_on_a_terminal

FAILED_DOCUMENT = {
    "id": 2,
    "revision": "D002",
    "status": "failed",
    "started_at": "2024-01-15T10:31:00+00:00",
    "run_id": "a-2",
    "ended_at": "2024-01-15T10:34:05.200000+00:00",
    "duration_seconds": 185.2,
    "exception": MISTAKE,
    "username": "ann",
    "hostname": "db1",
    "attempt": 1,
    "description": "correct cherry",
    "checksum": "2" * 64,
    "rows_affected": None,
    "executor": "cli",
    "executor_run_id": None,
    "pid": 4313,
    "tool_version": "2.0.0",
    "recovered": False,
    "operation": "upgrade",
    "database_id": None,
    "metadata": None,
    "reason": "ValueError: expected 1 changed term, found 3",
}
CORRECTED_DOCUMENT = {
    "id": 3,
    "revision": "D002",
    "status": "success",
    "started_at": "2024-01-15T11:30:00+00:00",
    "run_id": "a-3",
    "ended_at": "2024-01-15T11:30:00.500000+00:00",
    "duration_seconds": 0.5,
    "exception": None,
    "username": "dagster",
    "hostname": "worker-7",
    "attempt": 2,
    "description": "correct cherry",
    "checksum": "3" * 64,
    "rows_affected": 1,
    "executor": "dagster",
    "executor_run_id": DAGSTER_RUN,
    "pid": 1,
    "tool_version": "2.0.0",
    "recovered": False,
    "operation": "upgrade",
    "database_id": None,
    "metadata": None,
    "reason": None,
}


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def _document(project: ProjectFolder, *arguments: str) -> Any:
    ran = run(*arguments, "--json", cwd=project.root)
    assert (ran.exit_code, ran.err) == (0, "")
    return json.loads(ran.out)


def test_runs_has_every_column_of_each_attempt(backend: Backend, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    record(project, FAILED, CORRECTED)

    assert _document(project, "runs") == {
        "schema_version": 1,
        "kind": "runs",
        "attempts": [CORRECTED_DOCUMENT, FAILED_DOCUMENT],
    }


def test_the_order_of_names_is_always_the_same(project: ProjectFolder) -> None:
    record(project, FAILED)

    document = _document(project, "runs")

    assert list(document) == ["schema_version", "kind", "attempts"]
    assert list(document["attempts"][0]) == list(FAILED_DOCUMENT)


def test_show_has_the_file_the_state_and_the_attempts(project: ProjectFolder) -> None:
    project.migration("D002", depends_on=("D001",))
    project.migration("D001")
    record(project, *LOG, *MARKS)

    assert _document(project, "show", "D002") == {
        "schema_version": 1,
        "kind": "show",
        "revision": "D002",
        "description": "the work of D002",
        "state": "applied",
        "applied_at": "2024-01-15T11:30:00.500000+00:00",
        "waits_for": [],
        "has_file": True,
        "depends_on": ["D001"],
        "file": "delembic/versions/D002.py",
        "line": 4,
        "checksum": project.checksum("D002"),
        "applied_checksum": "3" * 64,
        "changed": True,
        "progress": None,
        "attempts": [FAILED_DOCUMENT, CORRECTED_DOCUMENT],
        "verifications": [],
        "acceptances": [],
    }


def test_what_is_not_known_is_null_and_not_left_out(project: ProjectFolder) -> None:
    record_as_1(project, FAILED)

    assert _document(project, "show", "D002") == {
        "schema_version": 1,
        "kind": "show",
        "revision": "D002",
        "description": "",
        "state": "failed",
        "applied_at": None,
        "waits_for": [],
        "has_file": False,
        "depends_on": None,
        "file": None,
        "line": None,
        "checksum": None,
        "applied_checksum": None,
        "changed": None,
        "progress": None,
        "attempts": [
            dict.fromkeys(FAILED_DOCUMENT)
            | {
                "id": 2,
                "revision": "D002",
                "status": "failed",
                "started_at": "2024-01-15T10:31:00+00:00",
                "ended_at": "2024-01-15T10:34:05.200000+00:00",
                "duration_seconds": 185.2,
                "exception": MISTAKE,
                "username": "ann",
                "hostname": "db1",
                "operation": "upgrade",
                "database_id": None,
                "metadata": None,
                "reason": "ValueError: expected 1 changed term, found 3",
            }
        ],
        "verifications": [],
        "acceptances": [],
    }


def test_history_has_each_revision_with_its_state(project: ProjectFolder) -> None:
    project.migration("D002")
    project.migration("D003", depends_on=("D002",))
    record(project, FAILED, MARKS[0])

    assert _document(project, "history") == {
        "schema_version": 1,
        "kind": "history",
        "revisions": [
            {
                "revision": "D001",
                "description": "",
                "state": "applied",
                "applied_at": "2024-01-15T10:30:01.237000+00:00",
                "waits_for": [],
                "has_file": False,
                "changed": None,
                "progress": None,
            },
            {
                "revision": "D002",
                "description": "the work of D002",
                "state": "failed",
                "applied_at": None,
                "waits_for": [],
                "has_file": True,
                "changed": None,
                "progress": None,
            },
            {
                "revision": "D003",
                "description": "the work of D003",
                "state": "blocked",
                "applied_at": None,
                "waits_for": ["D002"],
                "has_file": True,
                "changed": None,
                "progress": None,
            },
        ],
    }


def test_current_has_the_applied_heads_in_the_same_shape(project: ProjectFolder) -> None:
    project.migration("D001")
    project.migration("D002", depends_on=("D001",))
    record(project, *MARKS)

    assert _document(project, "current") == {
        "schema_version": 1,
        "kind": "current",
        "revisions": [
            {
                "revision": "D002",
                "description": "the work of D002",
                "state": "applied",
                "applied_at": "2024-01-15T11:30:00.500000+00:00",
                "waits_for": [],
                "has_file": True,
                "changed": True,
                "progress": None,
            }
        ],
    }


@pytest.mark.parametrize(
    ("command", "name"), [("history", "revisions"), ("current", "revisions"), ("runs", "attempts")]
)
def test_where_there_is_nothing_the_list_is_empty(
    project: ProjectFolder, command: str, name: str
) -> None:
    assert _document(project, command) == {"schema_version": 1, "kind": command, name: []}


def test_the_options_of_runs_narrow_the_document_too(project: ProjectFolder) -> None:
    record(project, *LOG)

    def ids(*options: str) -> list[int]:
        return [each["id"] for each in _document(project, "runs", *options)["attempts"]]

    assert ids("--failed") == [2]
    assert ids("D002", "--limit", "1") == [3]


@pytest.mark.parametrize("command", [["runs", "D01"], ["show", "D01"]])
def test_an_error_is_told_on_the_other_stream(project: ProjectFolder, command: list[str]) -> None:
    project.migration("D001")

    ran = run(*command, "--json", cwd=project.root)

    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err.startswith("Error: There is no revision 'D01'.")


def test_a_warning_does_not_get_into_the_document(project: ProjectFolder) -> None:
    project.configure(lock_timout="1")

    ran = run("history", "--json", cwd=project.root)

    assert ran.err.startswith("Warning: ")
    assert json.loads(ran.out)["revisions"] == []


def test_on_a_terminal_it_has_no_colours_and_any_encoding_can_show_it(
    project: ProjectFolder,
) -> None:
    project.write(
        "delembic/versions/D001.py",
        """
        from delembic import DataMigration
        class Load(DataMigration):
            revision = "D001"
            description = "Länder laden"
            def upgrade(self, conn):
                return
        """,
    )

    out = run_on_a_terminal("history", "--json", cwd=project.root).out

    assert "\x1b" not in out
    assert out.isascii()
    assert json.loads(out)["revisions"][0]["description"] == "Länder laden"
