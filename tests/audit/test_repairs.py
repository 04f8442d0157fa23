"""Tables that delembic did not make, and that cannot hold a record reliably as they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from delembic import commands
from delembic.audit.tables import ensure, history_table, version_table
from delembic.errors import HiddenRowsError, MigrationFailedError, UnfitTableError
from support.projects import ProjectFolder
from support.servers.databases import Databases

pytestmark = pytest.mark.long

VERSION = (
    "CREATE TABLE delembic_version (revision VARCHAR(255) PRIMARY KEY, applied_at DATETIME,"
    " status VARCHAR(50) NOT NULL, execution_time_seconds FLOAT)"
)
HISTORY = (
    "CREATE TABLE delembic_run_history (id INTEGER AUTO_INCREMENT PRIMARY KEY,"
    " revision VARCHAR(255) NOT NULL, started_at DATETIME NOT NULL, ended_at DATETIME,"
    " duration_seconds FLOAT, status VARCHAR(50) NOT NULL, exception TEXT,"
    " username VARCHAR(255), hostname VARCHAR(255))"
)
OLD = "INSERT INTO delembic_version VALUES ('D1a', NULL, 'success', 1.5)"
INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"
NO_COMMIT = """
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
def fail(conn):
    raise OperationalError('COMMIT', None, Exception('cut off'))
"""
SHAPES = {
    "another case": "ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "latin1": "ENGINE=InnoDB CHARACTER SET latin1 COLLATE latin1_swedish_ci",
    "MyISAM": "ENGINE=MyISAM CHARACTER SET latin1",
    "Aria": "ENGINE=Aria ROW_FORMAT=PAGE CHARACTER SET latin1 COLLATE latin1_bin",
    "compact": "ENGINE=InnoDB ROW_FORMAT=COMPACT CHARACTER SET latin1",
    "fixed": "ENGINE=MyISAM ROW_FORMAT=FIXED CHARACTER SET utf8mb3",
}
LOOK = (
    "SELECT t.engine, c.collation_name FROM information_schema.tables AS t"
    " JOIN information_schema.columns AS c USING (table_schema, table_name)"
    " WHERE t.table_schema = DATABASE() AND t.table_name LIKE 'delembic%' AND"
    " c.collation_name IS NOT NULL GROUP BY 1, 2"
)


def described_as(url: str, folder: Path, shape: str) -> ProjectFolder:
    project = ProjectFolder(folder / "project", url)
    project.execute(f"{VERSION} {shape}", f"{HISTORY} {shape}", OLD)
    project.execute("CREATE TABLE t (n INTEGER) ENGINE=InnoDB")
    return project


@pytest.fixture(params=SHAPES)
def project(request: pytest.FixtureRequest, mariadb_url: str, tmp_path: Path) -> ProjectFolder:
    return described_as(mariadb_url, tmp_path, SHAPES[request.param])


def test_names_that_differ_in_case_are_two_revisions(project: ProjectFolder) -> None:
    project.migration("D1a", "raise ValueError('applied long ago')")
    project.migration("D1A", INSERT)
    assert project.states() == {"D1A": "pending", "D1a": "applied"}

    project.upgrade()

    assert project.states() == {"D1A": "applied", "D1a": "applied"}
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.rows(LOOK) == [("InnoDB", "utf8mb4_bin")]


def test_a_mark_goes_with_its_work(project: ProjectFolder) -> None:
    project.migration("D2", f"{INSERT}\nevent.listen(conn, 'commit', fail)", head=NO_COMMIT)

    with pytest.raises(MigrationFailedError):
        project.upgrade()

    assert project.states() == {"D2": "failed", "D1a": "applied"}
    assert project.value("SELECT count(*) FROM t") == 0


def test_a_text_of_any_language_fits(project: ProjectFolder) -> None:
    project.migration("D2", "raise ValueError('5 Ω 🍎')")

    with pytest.raises(MigrationFailedError):
        project.upgrade()

    (entry,) = commands.runs(project.config)
    assert entry.reason == "ValueError: 5 Ω 🍎"


def test_several_may_convert_them_at_once(project: ProjectFolder) -> None:
    start = threading.Barrier(4)

    def convert(number: int) -> None:
        engine = create_engine(project.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            start.wait()
            for table in (version_table, history_table):
                ensure(conn, table)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(convert, range(4)))

    assert project.rows(LOOK) == [("InnoDB", "utf8mb4_bin")]
    assert list(project.marks()) == ["D1a"]


class TestRefusal:
    def test_names_the_statement_to_type(
        self, mariadb_url: str, mariadb_databases: Databases, tmp_path: Path
    ) -> None:
        project = described_as(mariadb_url, tmp_path, SHAPES["MyISAM"])
        with project.connection() as conn:
            conn.exec_driver_sql("ALTER TABLE delembic_version ADD run_id VARCHAR(36)")
            conn.exec_driver_sql("ALTER TABLE delembic_version ADD checksum VARCHAR(64)")
        url = make_url(mariadb_url)
        with mariadb_databases.connection() as conn:
            conn.exec_driver_sql(
                "CREATE USER IF NOT EXISTS 'runner'@'127.0.0.1' IDENTIFIED BY 'any'"
            )
            conn.exec_driver_sql(
                "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX"
                f" ON {url.database}.* TO 'runner'@'127.0.0.1'"
            )
        runner = ProjectFolder(
            tmp_path / "runner",
            url.set(username="runner", password="any").render_as_string(hide_password=False),
        )
        runner.migration("D2", INSERT)

        with pytest.raises(UnfitTableError) as caught:
            runner.upgrade()

        assert caught.value.exit_code == 2
        assert "ALTER command denied" in str(caught.value)
        assert caught.value.remedy.endswith(
            f"execute: ALTER TABLE {make_url(mariadb_url).database}.delembic_version"
            " ENGINE = InnoDB, ROW_FORMAT = DYNAMIC,"
            " CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
        )
        assert project.value("SELECT count(*) FROM t") == 0

        project.execute(caught.value.statement)
        project.migration("D2", INSERT)
        project.upgrade()
        assert project.value("SELECT count(*) FROM t") == 1

    def test_names_that_would_become_one_stay(self, mariadb_url: str, tmp_path: Path) -> None:
        shape = "ENGINE=InnoDB CHARACTER SET latin1 COLLATE latin1_swedish_nopad_ci"
        project = described_as(mariadb_url, tmp_path, shape)
        project.execute("INSERT INTO delembic_version VALUES ('D1a ', NULL, 'success', 1.5)")
        project.migration("D2", INSERT)

        with pytest.raises(UnfitTableError, match="Duplicate entry"):
            project.upgrade()

        assert len(project.marks()) == 2
        assert project.value("SELECT count(*) FROM t") == 0


class TestPostgreSQL:
    """A table that a crash empties, and a key that takes two names for one."""

    @pytest.mark.parametrize(
        "shape",
        [
            "UNLOGGED TABLE {name} (revision VARCHAR(255) PRIMARY KEY, {rest})",
            "TABLE {name} (revision VARCHAR(255) COLLATE whatever_case PRIMARY KEY, {rest})",
        ],
        ids=["unlogged", "another case"],
    )
    def test_it_is_converted(self, postgresql_url: str, tmp_path: Path, shape: str) -> None:
        project = ProjectFolder(tmp_path / "project", postgresql_url)
        if "COLLATE" in shape:
            try:
                project.execute(
                    "CREATE COLLATION whatever_case"
                    " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
                )
            except Exception:  # noqa: BLE001 - whatever the server says
                pytest.skip("this server was built without ICU")
        rest = "applied_at TIMESTAMP, status VARCHAR(50) NOT NULL, execution_time_seconds FLOAT"
        create = "CREATE " + shape.format(name="delembic_version", rest=rest)
        project.execute(create, OLD, "CREATE TABLE t (n INTEGER)")
        project.migration("D1A", INSERT)

        project.upgrade()

        assert sorted(project.marks()) == ["D1A", "D1a"]
        assert project.value("SELECT count(*) FROM t") == 1
        query = "SELECT relpersistence FROM pg_class WHERE relname = 'delembic_version'"
        assert project.value(query) == "p"


class TestRowLevelSecurity:
    """It hides rows from a role, so an applied migration would look pending."""

    @pytest.fixture
    def project(self, postgresql_url: str, tmp_path: Path) -> Iterator[ProjectFolder]:
        owner = ProjectFolder(tmp_path / "owner", postgresql_url)
        owner.execute("CREATE TABLE t (n INTEGER)")
        owner.migration("D001", INSERT)
        owner.upgrade()
        role = f"role_{make_url(postgresql_url).database}"
        owner.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD 'secret'",
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}",
        )
        own = make_url(postgresql_url).set(username=role, password="secret")
        project = ProjectFolder(tmp_path / "project", own.render_as_string(hide_password=False))
        project.migration("D001", INSERT)
        yield project
        owner.execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}")

    @pytest.mark.parametrize("table", ["delembic_version", "delembic_run_history"])
    def test_a_role_that_may_not_see_all_rows_is_refused(
        self, project: ProjectFolder, postgresql_url: str, tmp_path: Path, table: str
    ) -> None:
        owner = ProjectFolder(tmp_path / "other", postgresql_url)
        owner.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")

        with pytest.raises(HiddenRowsError, match=f"on the table {table}"):
            project.upgrade()
        with pytest.raises(HiddenRowsError, match="DISABLE ROW LEVEL SECURITY"):
            project.states()

        assert owner.value("SELECT count(*) FROM t") == 1

    def test_a_role_that_sees_all_rows_runs(
        self, project: ProjectFolder, postgresql_url: str, tmp_path: Path
    ) -> None:
        owner = ProjectFolder(tmp_path / "other", postgresql_url)
        owner.execute(
            "ALTER TABLE delembic_version ENABLE ROW LEVEL SECURITY",
            f"ALTER ROLE {make_url(project.url).username} BYPASSRLS",
        )

        project.upgrade()

        assert project.states() == {"D001": "applied"}
