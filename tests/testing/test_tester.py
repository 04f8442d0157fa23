"""What users test their migrations with tells the truth about good ones and about bad ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url

from delembic import (
    Config,
    ConfigurationError,
    DataMigration,
    MigrationFailedError,
    SchemaNotReadyError,
    commands,
)
from delembic.errors import UnknownDependencyError, UnknownRevisionError
from delembic.events import Finished, Skipped
from delembic.testing import Change, MigrationTester, migration_tester
from delembic.testing.faults import Moment, Strike, Struck
from support.projects import ProjectFolder
from support.servers.backend import Backend

pytestmark = pytest.mark.long

INSERTS = """
conn.exec_driver_sql("INSERT INTO t VALUES ('a')")
conn.exec_driver_sql("INSERT INTO t VALUES ('b')")
"""
COUNTS = "assert conn.exec_driver_sql('SELECT count(*) FROM t').scalar() == 2"
TWO_ROWS = {"t": Change(added=[("a",), ("b",)])}


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    """A project whose ini names a database that nobody can reach."""
    return ProjectFolder(tmp_path / "project", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere")


@pytest.fixture
def tester(folder: ProjectFolder, backend: Backend) -> MigrationTester:
    """The project on each kind of database in turn, with a table t."""
    tester = MigrationTester(folder.config, backend.url)
    with tester.connection() as conn:
        conn.exec_driver_sql("CREATE TABLE t (name VARCHAR(20))")
    return tester


@pytest.fixture
def sqlite_tester(folder: ProjectFolder, sqlite_url: str) -> MigrationTester:
    """The same on SQLite alone, for what does not hang on the database."""
    tester = MigrationTester(folder.config, sqlite_url)
    with tester.connection() as conn:
        conn.exec_driver_sql("CREATE TABLE t (name VARCHAR(20))")
    return tester


# --- on every database ----------------------------------------------------------------------------


def test_whatever_happens_to_a_migration_it_takes_effect_once_at_last(
    folder: ProjectFolder, tester: MigrationTester
) -> None:
    folder.migration("D001", INSERTS, validate=COUNTS)
    before = tester.snapshot()

    assert tester.fail("D001").phase == "upgrade"
    assert tester.fail("D001", after=1).phase == "upgrade"
    assert tester.fail("D001", "validate", after=1).phase == "validate"
    assert tester.lose_connection("D001").phase == "validate"
    tester.kill("D001", after=1)
    tester.kill("D001", "validate")
    assert tester.changes(before) == {}
    assert tester.run_twice("D001").rows_affected == 2

    assert tester.changes(before) == TWO_ROWS
    statuses = [attempt.status for attempt in commands.runs(tester.config)][::-1]
    assert statuses == ["failed"] * 4 + ["interrupted"] * 2 + ["success"]


def test_a_connection_is_lost_at_any_moment(folder: ProjectFolder, tester: MigrationTester) -> None:
    folder.migration("D001", INSERTS, validate=COUNTS)

    assert tester.lose_connection("D001", after=1).phase == "upgrade"
    assert tester.lose_connection("D001", "validate").phase == "mark"

    assert tester.run_twice("D001").attempt == 3


def test_a_connection_that_is_lost_in_the_midst_of_many_rows_leaves_nothing_locked(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    body = "for _ in range(2): conn.execute(insert(t), [{'name': 'a'}, {'name': 'b'}])"
    head = "from sqlalchemy import column, insert, table\nt = table('t', column('name'))"
    folder.migration("D001", body, head=head)

    assert sqlite_tester.lose_connection("D001", after=1).phase == "upgrade"

    assert sqlite_tester.run_twice("D001").rows_affected == 4


def test_a_migration_that_commits_by_itself_is_told_to_leave_changes_behind(
    folder: ProjectFolder, tester: MigrationTester
) -> None:
    folder.migration("D001", f"{INSERTS}\nconn.commit()")

    with pytest.raises(AssertionError, match="2 rows more"):
        tester.fail("D001")
    with pytest.raises(AssertionError, match=r"was killed at the end of upgrade.*\n.*2 rows more"):
        tester.kill("D001")

    tester.fail("D001", rolled_back=False)
    tester.kill("D001", rolled_back=False)


# --- running --------------------------------------------------------------------------------------


def test_a_run_applies_what_the_revision_depends_on_and_nothing_else(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001")
    folder.migration("D002", INSERTS, depends_on=("D001",))
    folder.migration("D003", "raise ValueError('never run')")

    assert isinstance(sqlite_tester.run("D002"), Finished)
    assert isinstance(sqlite_tester.run("D002"), Skipped)

    assert {
        entry.revision: str(entry.state) for entry in commands.history(sqlite_tester.config)
    } == {
        "D001": "applied",
        "D002": "applied",
        "D003": "pending",
    }


def test_what_a_migration_refuses_is_a_failure_to_look_at(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001", INSERTS, validate=COUNTS)
    with sqlite_tester.connection() as conn:
        conn.exec_driver_sql("INSERT INTO t VALUES ('in the way')")

    error = sqlite_tester.run_failing("D001")

    assert error.phase == "validate"
    assert error.reason.startswith("AssertionError")
    with pytest.raises(MigrationFailedError):
        sqlite_tester.run("D001")


def test_the_database_that_the_ini_names_and_its_audit_log_are_left_alone(
    tmp_path: Path, sqlite_url: str
) -> None:
    named = tmp_path / "named.db"
    folder = ProjectFolder(tmp_path / "project", f"sqlite:///{named}")
    folder.configure(metadata_url=f"sqlite:///{tmp_path / 'audit.db'}", lock="advisory")
    folder.migration("D001")

    tester = MigrationTester(folder.root, sqlite_url)
    tester.kill("D001")
    tester.run_twice("D001")

    assert not named.exists()
    assert not (tmp_path / "audit.db").exists()
    assert not list(folder.root.glob("*.db"))


def test_a_killed_migration_imports_what_it_would_import_here(
    folder: ProjectFolder,
    sqlite_tester: MigrationTester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder.write("beside_the_ini.py", "NAME = 'a'")
    folder.write("elsewhere/on_the_path.py", "NAME = 'b'")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder.root / "elsewhere")])
    folder.migration(
        "D001", INSERTS, head="from beside_the_ini import NAME\nfrom on_the_path import NAME"
    )

    sqlite_tester.kill("D001", after=2)
    sqlite_tester.run_twice("D001")


def test_a_url_with_a_password_is_no_argument_of_the_process(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    seen = folder.root / "seen"
    folder.migration(
        "D001", f"open({str(seen)!r}, 'wb').write(open('/proc/self/cmdline', 'rb').read())"
    )

    sqlite_tester.kill("D001")

    assert sqlite_tester.url.encode() not in seen.read_bytes()
    assert seen.read_bytes().count(b"\0") == 4


def test_the_tester_of_a_with_statement_cleans_up_after_itself(folder: ProjectFolder) -> None:
    folder.migration("D001")

    with migration_tester(folder.root / "delembic.ini") as tester:
        tester.run("D001")
        file = Path(str(make_url(tester.url).database))
        assert file.exists()

    assert not file.parent.exists()


# --- telling what is wrong ------------------------------------------------------------------------


def test_an_error_that_the_migration_swallows_is_told(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001", "try:\n    conn.exec_driver_sql('SELECT 1')\nexcept Exception: pass")

    with pytest.raises(AssertionError, match="D001 succeeded despite the fault after"):
        sqlite_tester.fail("D001", after=1)


def test_an_error_of_the_migration_itself_is_not_taken_for_the_deliberate_one(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001", "raise ValueError('mine')")

    with pytest.raises(AssertionError, match=r"D001 failed by itself: .*ValueError: mine"):
        sqlite_tester.fail("D001", "validate")


def test_a_moment_that_never_comes_is_told_and_nothing_is_applied(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001", INSERTS)
    facts = "upgrade ran 2 statements, so nothing could happen after statement 3 of upgrade"

    with pytest.raises(AssertionError, match=f"D001: {facts}"):
        sqlite_tester.fail("D001", after=3)
    with pytest.raises(AssertionError, match=f"(?s)D001 could not be killed .*{facts}"):
        sqlite_tester.kill("D001", after=3)

    assert sqlite_tester.rows("SELECT * FROM t") == []
    assert isinstance(sqlite_tester.run("D001"), Finished)


@pytest.mark.parametrize("method", ["run", "run_twice", "run_failing", "fail", "kill"])
def test_a_revision_that_there_is_not_is_told_with_the_nearest(
    folder: ProjectFolder, sqlite_tester: MigrationTester, method: str
) -> None:
    folder.migration("D001")

    with pytest.raises(UnknownRevisionError, match="Did you mean 'D001'"):
        getattr(sqlite_tester, method)("D01")


@pytest.mark.parametrize("method", ["fail", "lose_connection", "kill"])
def test_a_moment_that_there_cannot_be_is_refused(
    folder: ProjectFolder, sqlite_tester: MigrationTester, method: str
) -> None:
    folder.migration("D001", INSERTS)

    with pytest.raises(ValueError, match="'upgrad' is neither upgrade nor validate nor between"):
        getattr(sqlite_tester, method)("D001", "upgrad")
    with pytest.raises(ValueError, match="statements are counted from 1, not 0"):
        getattr(sqlite_tester, method)("D001", after=0)


def test_one_that_does_not_fail_is_told(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001")

    with pytest.raises(AssertionError, match="D001 did not fail: Finished"):
        sqlite_tester.run_failing("D001")


def test_one_that_is_applied_already_cannot_be_disturbed(
    folder: ProjectFolder, sqlite_tester: MigrationTester
) -> None:
    folder.migration("D001")
    sqlite_tester.run("D001")

    for disturb in (
        sqlite_tester.fail,
        sqlite_tester.kill,
        sqlite_tester.lose_connection,
        sqlite_tester.run_failing,
        sqlite_tester.run_twice,
    ):
        with pytest.raises(AssertionError, match="D001 is already applied"):
            disturb("D001")


def test_a_database_that_is_in_use_is_refused(folder: ProjectFolder, sqlite_url: str) -> None:
    folder.migration("D001")
    MigrationTester(folder.config, sqlite_url).run("D001")

    with pytest.raises(ConfigurationError, match="not a fresh database: 1 migrations are applied"):
        MigrationTester(folder.config, sqlite_url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(folder: ProjectFolder, url: str) -> None:
    with pytest.raises(ConfigurationError, match="Use a file"):
        MigrationTester(folder.config, make_url(url))


# --- with Alembic ---------------------------------------------------------------------------------


@pytest.fixture
def with_alembic(folder: ProjectFolder) -> ProjectFolder:
    """Tables a, b and c, one a revision; env.py would be the end of the test."""
    folder.configure(alembic_config="alembic.ini")
    folder.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
    folder.write("schema/env.py", "raise SystemExit('it would have chosen its own database')")
    for below, name in ((None, "a"), ("a", "b"), ("b", "c")):
        folder.write(
            f"schema/versions/{name}.py",
            f"""
            from alembic import op
            import sqlalchemy as sa

            revision, down_revision = {name!r}, {below!r}

            def upgrade():
                op.create_table({name!r}, sa.Column("x", sa.Integer))
            """,
        )
    folder.migration("D001", 'conn.exec_driver_sql("INSERT INTO a VALUES (1)")', depends_on=("a",))
    folder.migration(
        "D002", 'conn.exec_driver_sql("INSERT INTO b VALUES (1)")', depends_on=("D001", "b")
    )
    return folder


def test_the_schema_is_brought_to_what_the_revision_needs_and_env_py_is_not_asked(
    with_alembic: ProjectFolder, backend: Backend
) -> None:
    tester = MigrationTester(with_alembic.config, backend.url)

    tester.run_twice("D001")
    tester.run_twice("D002")

    assert {*tester.snapshot()} == {"a", "b", "alembic_version"}
    assert tester.rows("SELECT version_num FROM alembic_version") == [("b",)]


def test_a_schema_of_the_tests_own_is_left_to_the_test(
    with_alembic: ProjectFolder, sqlite_url: str
) -> None:
    tester = MigrationTester(with_alembic.config, sqlite_url, with_schema=False)

    with pytest.raises(SchemaNotReadyError):
        tester.run("D001")
    with tester.connection() as conn:
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        conn.exec_driver_sql("INSERT INTO alembic_version VALUES ('a')")
        conn.exec_driver_sql("CREATE TABLE a (x INTEGER)")

    tester.run_twice("D001")


def test_a_revision_that_neither_has_is_told(with_alembic: ProjectFolder, sqlite_url: str) -> None:
    with_alembic.migration("D003", depends_on=("zz",))

    with pytest.raises(UnknownDependencyError, match="'zz'"):
        MigrationTester(with_alembic.config, sqlite_url).run("D003")


def test_a_script_of_alembic_that_fails_is_told(
    with_alembic: ProjectFolder, sqlite_url: str
) -> None:
    script = with_alembic.root / "schema/versions/a.py"
    script.write_text(script.read_text().replace("op.create_table(", "op.no_such_thing("))

    with pytest.raises(ConfigurationError, match=r"revision a cannot be applied: .*no_such_thing"):
        MigrationTester(with_alembic.config, sqlite_url).run("D001")


def test_the_settings_may_come_from_a_section(folder: ProjectFolder, sqlite_url: str) -> None:
    ini = folder.root / "delembic.ini"
    ini.write_text(ini.read_text().replace("[delembic]", "[archive]"))
    folder.migration("D001")

    MigrationTester(Config.load(ini, "archive"), sqlite_url).run_twice("D001")


def test_a_struck_migration_answers_what_the_real_one_does(sqlite_url: str) -> None:
    class Real(DataMigration):
        def validate(self, conn: Connection) -> bool:
            return False

    struck = Struck(Real(), Strike(Moment("upgrade"), lambda conn: None))

    with create_engine(sqlite_url).connect() as conn:
        assert struck.validate(conn) is False
