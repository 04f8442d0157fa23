"""A load is part of its migration: of the transaction, of the rows in the log, of the failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic import MigrationFailedError, commands, narrate
from delembic.events import Failed, Finished, SlowInserts, TransactionEnded
from support.projects import ProjectFolder
from support.servers.backend import Backend

HEAD = "from delembic import bulk_load\nfrom sqlalchemy import text"
LOAD = "bulk_load(conn, 't', 'data/t.csv'{})"
MANY = 20_000


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, y VARCHAR(9))")
    project.write("data/t.csv", "x,y\n1,a\n2,b\n")
    return project


def _rows(project: ProjectFolder) -> list[tuple[int, str]]:
    return [tuple(row) for row in project.rows("SELECT x, y FROM t ORDER BY x")]


@pytest.mark.parametrize("options", ["", ", on_conflict='update'"])
def test_the_rows_are_loaded_and_counted_from_a_path_beside_the_ini(
    project: ProjectFolder, options: str
) -> None:
    project.migration("D001", LOAD.format(options), head=HEAD)

    (outcome,) = project.upgrade()

    assert isinstance(outcome, Finished)
    assert outcome.rows_affected == 2
    assert _rows(project) == [(1, "a"), (2, "b")]
    assert TransactionEnded("D001") not in project.events


def test_its_rows_are_added_to_those_of_statements(project: ProjectFolder) -> None:
    project.migration(
        "D001",
        "conn.execute(text(\"INSERT INTO t VALUES (5, 'c')\"))\n"
        + LOAD.format(", on_conflict='ignore'")
        + "\nbulk_load(conn, 't', [(1, 'z'), (3, 'd')], on_conflict='ignore')"
        + '\nconn.execute(text("DELETE FROM t WHERE x = 5"))',
        head=HEAD,
    )

    (outcome,) = project.upgrade()

    assert isinstance(outcome, Finished)
    assert outcome.rows_affected == 1 + 2 + 1 + 1
    assert _rows(project) == [(1, "a"), (2, "b"), (3, "d")]


@pytest.mark.parametrize("options", ["", ", on_conflict='update'"])
def test_it_rolls_back_with_its_migration(project: ProjectFolder, options: str) -> None:
    project.execute("INSERT INTO t VALUES (1, 'old')")
    load = LOAD.format(options)
    if not options:
        load = load.replace("data/t.csv", "data/u.csv")
        project.write("data/u.csv", "x,y\n2,b\n")
    project.migration("D001", load + "\nraise RuntimeError('no')", head=HEAD)

    with pytest.raises(MigrationFailedError, match="Its work was rolled back"):
        project.upgrade()

    assert _rows(project) == [(1, "old")]
    (failed,) = [event for event in project.events if isinstance(event, Failed)]
    assert failed.rolled_back


def test_a_row_that_does_not_fit_fails_the_migration_with_its_line(project: ProjectFolder) -> None:
    project.write("data/t.csv", "x,y\n1,a\nsecret,b\n")
    project.migration("D001", LOAD.format(""), head=HEAD)

    with pytest.raises(MigrationFailedError) as failed:
        project.upgrade()

    assert "t.csv, line 3" in str(failed.value)
    assert "Its work was rolled back" in str(failed.value)
    assert _rows(project) == []
    assert project.statuses("D001") == ["failed"]


def test_an_error_that_is_caught_leaves_nothing_of_the_load(project: ProjectFolder) -> None:
    project.write("data/t.csv", "x,y\n1,a\nx,b\n")
    project.migration(
        "D001",
        "from delembic.errors import RowRefusedError\n"
        "try:\n"
        "    with conn.begin_nested():\n"
        "        bulk_load(conn, 't', 'data/t.csv')\n"
        "except RowRefusedError:\n"
        "    bulk_load(conn, 't', [(9, 'i')])",
        head=HEAD,
    )

    (outcome,) = project.upgrade()

    assert isinstance(outcome, Finished)
    assert _rows(project) == [(9, "i")]
    assert outcome.rows_affected == 1


def test_outside_of_a_transaction_a_load_is_whole_by_itself(project: ProjectFolder) -> None:
    project.write("data/t.csv", "x,y\n1,a\n2,b\n1,c\n")
    file = project.migration("D001", LOAD.format(""), head=HEAD)
    file.write_text(file.read_text().replace("    def up", "    transaction = False\n    def up"))

    with pytest.raises(MigrationFailedError):
        project.upgrade()
    assert _rows(project) == []

    project.write("data/t.csv", "x,y\n1,a\n2,b\n")
    (outcome,) = project.upgrade()
    assert isinstance(outcome, Finished)
    assert outcome.rows_affected == 2


def test_a_validate_may_load_for_its_comparison(project: ProjectFolder) -> None:
    project.migration(
        "D001", LOAD.format(""), head=HEAD, validate=LOAD.format(", on_conflict='ignore'")
    )
    project.upgrade()

    (verification,) = project.verify("D001")

    assert verification.passed


SLOW = {
    "a list": "conn.execute(text('INSERT INTO t (x) VALUES (:x)'), [{'x': n} for n in range(%d)])",
    "values": "from sqlalchemy import column, insert, table\n"
    "for n in range(0, %d, 1_000):\n"
    "    rows = [{'x': m} for m in range(n, n + 1_000)]\n"
    "    conn.execute(insert(table('t', column('x'))).values(rows))",
}


@pytest.mark.parametrize("way", SLOW.values(), ids=SLOW)
def test_many_rows_by_insert_are_worth_a_warning(project: ProjectFolder, way: str) -> None:
    project.migration("D001", f"{way % MANY}\n{way % 1_000}".replace("range(0, 1000, 1_000)",
                      "range(90_000, 91_000, 1_000)").replace("range(1000)",
                      "range(90_000, 91_000)"), head=HEAD)  # fmt: skip

    project.upgrade()

    (warning,) = [event for event in project.events if isinstance(event, SlowInserts)]
    assert warning == SlowInserts("D001", MANY)
    assert "delembic.bulk_load" in narrate(warning)


def test_few_rows_a_load_and_a_select_are_worth_none(project: ProjectFolder) -> None:
    project.migration(
        "D001",
        f"bulk_load(conn, 't', ((n, 'x') for n in range({MANY + 9})))\n"
        "conn.execute(text('INSERT INTO t (x) SELECT -x - 1 FROM t'))\n"
        "conn.execute(text('INSERT INTO t (x) VALUES (:x)'), [{'x': n + 90000} for n in range(9)])",
        head=HEAD,
    )

    (outcome,) = project.upgrade()

    assert not [event for event in project.events if isinstance(event, SlowInserts)]
    assert isinstance(outcome, Finished)
    assert outcome.rows_affected == 2 * (MANY + 9) + 9
    (entry,) = commands.runs(project.config)
    assert entry.rows_affected == outcome.rows_affected
