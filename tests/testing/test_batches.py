"""What users test their migrations in batches with tells the truth about good ones and bad ones."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path

import pytest

from delembic import commands
from delembic.testing import MigrationTester, migration_tester
from support.projects import ProjectFolder
from support.servers.backend import Backend

pytestmark = pytest.mark.long

ROWS = 50
INCREMENT = "conn.execute(text(f'UPDATE t SET n = n + 1 WHERE {batch.where}'), batch.parameters)"


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    """A project whose ini names a database that nobody can reach."""
    return ProjectFolder(tmp_path / "project", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere")


@pytest.fixture
def tester(folder: ProjectFolder, backend: Backend) -> MigrationTester:
    """The project on each kind of database in turn, with a table t of fifty rows."""
    return filled(MigrationTester(folder.config, backend.url))


@pytest.fixture
def sqlite_tester(folder: ProjectFolder, sqlite_url: str) -> MigrationTester:
    """The same on SQLite alone, for what does not hang on the database."""
    return filled(MigrationTester(folder.config, sqlite_url))


def filled(tester: MigrationTester) -> MigrationTester:
    with tester.connection() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
        rows = ", ".join(f"({number}, 0)" for number in range(ROWS))
        conn.exec_driver_sql(f"INSERT INTO t VALUES {rows}")
    return tester


def write(folder: ProjectFolder, work: str = INCREMENT, settings: str = "") -> None:
    """Write a migration that does five batches of ten rows."""
    source = f"""
        from sqlalchemy import text
        from delembic import BatchedMigration, KeyRanges

        class Count(BatchedMigration):
            revision = "D001"
            batches = KeyRanges("t")
            batch_size = 10
            batch_seconds = None
            {settings}

            def upgrade_batch(self, conn, batch):
                {work}

            def validate(self, conn):
                assert conn.scalar(text("SELECT count(*) FROM t WHERE n = 0")) == 0
    """
    (folder.versions / "D001.py").write_text(textwrap.dedent(source))


def counts(tester: MigrationTester) -> dict[int, int]:
    """How many rows were done how often."""
    return dict(Counter(row.n for row in tester.rows("SELECT n FROM t")))


def done(tester: MigrationTester) -> int:
    return commands.progress(tester.config, "D001")[0].rows


def test_whatever_happens_to_a_migration_in_batches_each_row_is_done_once(
    folder: ProjectFolder, tester: MigrationTester
) -> None:
    write(folder)

    assert tester.fail("D001").phase == "upgrade_batch"
    assert counts(tester) == {0: ROWS}
    tester.kill("D001", after=1, batch=2)
    assert counts(tester) == {0: 40, 1: 10}
    tester.kill("D001", "between", batch=2)
    assert counts(tester) == {0: 30, 1: 20}
    tester.fail("D001", "between", batch=2)
    assert counts(tester) == {0: 20, 1: 30}
    tester.fail("D001", "validate")
    tester.kill("D001", "validate")
    assert tester.run_twice("D001").rows_affected == 0

    assert counts(tester) == {1: ROWS}


def test_a_run_whose_connection_is_lost_in_a_batch_goes_on(
    folder: ProjectFolder, tester: MigrationTester
) -> None:
    write(folder)

    assert tester.reconnect("D001", after=1, batch=2).attempt == 1

    assert counts(tester) == {1: ROWS}


def test_the_content_is_that_of_an_undisturbed_run(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    write(folder)
    with migration_tester(folder.config) as undisturbed:
        filled(undisturbed).run("D001")
        expected = undisturbed.snapshot()

    sqlite_tester.kill("D001", batch=2)
    sqlite_tester.run("D001")

    assert sqlite_tester.changes(expected) == {}


def test_no_row_is_left_out_because_of_a_deliberate_error(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    write(folder, settings='on_error, max_skipped = "skip", 50')

    sqlite_tester.fail("D001", batch=2)

    assert done(sqlite_tester) == 10
    assert "delembic_skipped" not in sqlite_tester.snapshot()


def test_a_batch_that_commits_is_told_to_leave_changes_behind(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    write(folder, f"{INCREMENT}; conn.commit()")

    with pytest.raises(AssertionError, match="10 rows more"):
        sqlite_tester.kill("D001")


def test_what_such_a_batch_has_committed_is_done_twice_after_a_kill(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    write(folder, f"{INCREMENT}; conn.commit()")
    sqlite_tester.kill("D001", rolled_back=False)
    write(folder)

    sqlite_tester.run("D001")

    assert counts(sqlite_tester) == {1: 40, 2: 10}


@pytest.mark.parametrize("phase", ["upgrade", "between"])
def test_a_batch_that_there_is_not_is_told(
    folder: ProjectFolder, sqlite_tester: MigrationTester, phase: str
) -> None:
    write(folder)

    with pytest.raises(AssertionError, match="it had 5 batches, so nothing could happen"):
        sqlite_tester.fail("D001", phase, batch=9)  # type: ignore[arg-type] # a str is shorter here


def test_a_migration_without_batches_has_no_moment_between_them(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001")

    with pytest.raises(AssertionError, match="it does not work in batches"):
        sqlite_tester.fail("D001", "between")
    with pytest.raises(AssertionError, match="it does not work in batches"):
        sqlite_tester.kill("D001", batch=2)
    with pytest.raises(ValueError, match="batches are counted from 1, not 0"):
        sqlite_tester.fail("D001", batch=0)
