"""The number of changed rows is right, or it is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic import commands, narrate
from delembic.events import Finished
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.shell import run

INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')\n"


def _finished(project: ProjectFolder) -> Finished:
    (outcome,) = project.upgrade()
    assert isinstance(outcome, Finished)
    (entry,) = commands.runs(project.config)
    assert entry.rows_affected == outcome.rows_affected
    return outcome


def _project(url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", url)
    project.execute("CREATE TABLE t (x INTEGER)")
    return project


@pytest.mark.parametrize(
    "body",
    [
        "cursor = conn.connection.cursor()\ncursor.execute('INSERT INTO t VALUES (1)')",
        INSERT + "conn.connection.driver_connection.cursor().execute('DELETE FROM t')",
    ],
)
def test_what_goes_past_sqlalchemy_is_unknown(backend: Backend, tmp_path: Path, body: str) -> None:
    project = _project(backend.url, tmp_path)
    project.migration("D001", body)

    outcome = _finished(project)

    assert outcome.rows_affected is None
    assert narrate(outcome).endswith("; rows changed: unknown.")
    assert "  unknown rows  " in run("runs", cwd=project.root).out


def test_a_good_copy_has_an_unknown_number_of_rows(postgresql_url: str, tmp_path: Path) -> None:
    project = _project(postgresql_url, tmp_path)
    project.migration(
        "D001",
        "with conn.connection.cursor().copy('COPY t FROM STDIN') as copy:\n"
        "    copy.write('1\\n2\\n')",
    )

    assert _finished(project).rows_affected is None
    assert project.value("SELECT count(*) FROM t") == 2


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("return", 0),
        (INSERT + "conn.exec_driver_sql('SELECT * FROM t').all()", 1),
        (INSERT + "conn.commit()\n" + INSERT + "conn.commit()", 2),
        (INSERT + "with conn.begin_nested():\n    conn.exec_driver_sql('UPDATE t SET x = 2')", 2),
        ("conn.exec_driver_sql('CREATE TABLE u (x INTEGER)')\n" + INSERT, 1),
        ("conn.exec_driver_sql('UPDATE t SET x = 1')", 0),
    ],
)
def test_what_the_driver_tells_is_known(
    backend: Backend, tmp_path: Path, body: str, rows: int
) -> None:
    project = _project(backend.url, tmp_path)
    project.migration("D001", body)

    assert _finished(project).rows_affected == rows


@pytest.mark.parametrize("call", ["exec_driver_sql({})", "execute(text({}))"])
def test_rows_that_are_returned_are_counted_or_unknown(
    backend: Backend, tmp_path: Path, call: str
) -> None:
    project = _project(backend.url, tmp_path)
    statement = "'INSERT INTO t VALUES (1), (2) RETURNING x'"
    project.migration(
        "D001", f"conn.{call.format(statement)}.all()", head="from sqlalchemy import text"
    )

    expected = {"sqlite": None, "postgresql": 2, "mariadb": 2}
    assert _finished(project).rows_affected == expected[backend.name]


def test_the_migration_gets_its_own_connection_back(sqlite_url: str, tmp_path: Path) -> None:
    project = _project(sqlite_url, tmp_path)
    project.migration("D001", INSERT, validate="assert type(conn).__name__ == 'Connection'")

    assert _finished(project).rows_affected == 1
