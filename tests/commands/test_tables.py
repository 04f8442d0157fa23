"""What an administrator executes is all that a role without the right to create tables needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from delembic import commands
from delembic.errors import RightMissingError, TableNotMadeError
from support.projects import ProjectFolder
from support.servers.backend import Backend

INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"


class Server:
    """A database with an administrator, and roles that may not create tables."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.admin = ProjectFolder(folder / "admin", backend.url)
        self.is_postgresql = backend.name == "postgresql"
        self.folder = folder
        self.admin.execute("CREATE TABLE t (x INTEGER)")
        self.admin.migration("D001", INSERT, validate="pass")
        self.roles: list[str] = []

    def role(self, name: str) -> tuple[str, ProjectFolder]:
        """Create a role; return it as it stands in a statement, and a project that uses it."""
        url = make_url(self.admin.url)
        name = f"{name}_{str(url.database)[-6:]}"
        role = name if self.is_postgresql else f"'{name}'@'127.0.0.1'"
        password = "PASSWORD 'secret'" if self.is_postgresql else "IDENTIFIED BY 'secret'"
        create = "CREATE ROLE {} LOGIN {}" if self.is_postgresql else "CREATE USER {} {}"
        self.admin.execute(create.format(role, password))
        self.roles.append(role)
        rights = "GRANT SELECT, INSERT ON t TO" if self.is_postgresql else "GRANT INSERT ON t TO"
        self.admin.execute(f"{rights} {role}")
        own = url.set(username=name, password="secret").render_as_string(hide_password=False)
        project = ProjectFolder(self.folder / name, own)
        project.migration("D001", INSERT, validate="pass")
        return role, project

    def close(self) -> None:
        for role in self.roles:
            if self.is_postgresql:
                self.admin.execute(f"DROP OWNED BY {role}")
            self.admin.execute(f"DROP {'ROLE' if self.is_postgresql else 'USER'} {role}")


@pytest.fixture
def server(backend: Backend, tmp_path: Path) -> Iterator[Server]:
    if backend.name == "sqlite":
        pytest.skip("SQLite has no roles")
    server = Server(backend, tmp_path)
    if server.is_postgresql:
        server.admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield server
    server.close()


def _execute(project: ProjectFolder, sql: str) -> None:
    statements = [text for text in sql.split(";") if text.strip()]
    project.execute(*(text.partition("\n\n")[2] or text for text in statements))


@pytest.mark.parametrize("lock", ["auto", "lease"])
def test_a_runner_and_a_reader_need_no_more_than_the_statements_that_are_printed(
    server: Server, lock: str
) -> None:
    server.admin.configure(lock=lock)
    runner, running = server.role("runner")
    reader, reading = server.role("reader")
    running.configure(lock=lock)

    _execute(server.admin, commands.tables_sql(server.admin.config, runner, reader))
    running.upgrade()
    running.verify()

    assert server.admin.value("SELECT count(*) FROM t") == 1
    assert reading.states() == {"D001": "applied"}
    assert [entry.status for entry in commands.runs(reading.config)] == ["success", "success"]
    with pytest.raises(RightMissingError, match="denied"):
        reading.verify()


def test_the_printed_tables_are_those_that_delembic_makes(backend: Backend, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.migration("D001")
    sql = commands.tables_sql(project.config).partition("GRANT")[0]
    _execute(project, sql)

    assert all(table.exists for table in commands.tables(project.config))
    project.upgrade()
    assert project.states() == {"D001": "applied"}


def test_a_role_that_may_not_make_the_tables_is_told_what_to_do(server: Server) -> None:
    _, running = server.role("runner")

    with pytest.raises(TableNotMadeError, match="delembic_version is missing") as caught:
        running.upgrade()

    assert "delembic tables --sql" in caught.value.remedy
    assert server.admin.value("SELECT count(*) FROM t") == 0
    assert [table.exists for table in commands.tables(running.config)] == [False] * 4


def test_the_log_elsewhere_is_printed_apart(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", "postgresql+psycopg://db/shop")
    project.configure(
        metadata_url="mysql+pymysql://db/log", version_table_schema="ops", lock="lease"
    )

    work, log = commands.tables_sql(project.config).split("-- The audit log (mysql)")

    assert work.startswith("-- The work database (postgresql)")
    assert work.count("CREATE TABLE ops.") == 6
    assert "ops.delembic_lease_renewal" in work
    assert "CREATE TABLE delembic_run_history" in log
    assert "SEQUENCE" not in log
    assert "run_history" not in work
