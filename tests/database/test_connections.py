"""From a configuration to engines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError, StatementError
from sqlalchemy.pool import NullPool, StaticPool

from delembic import commands
from delembic.database.connections import autocommitting_apart, connect, execute_reconnecting
from delembic.database.dialects import kind_of
from delembic.database.opening import Database, open_database
from delembic.database.urls import masked
from delembic.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    DependencyNotInstalledError,
    SettingError,
)
from support.projects import ProjectFolder
from support.servers.backend import Backend

ENV_PY = "delembic/env.py"


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """A project that sets no ``sqlalchemy.url``."""
    return ProjectFolder(tmp_path / "project", "")


def _fault(project: ProjectFolder) -> str:
    """The whole message, with the project's folder left out."""
    with pytest.raises(ConfigurationError) as caught, open_database(project.config):
        pass
    return str(caught.value).replace(f"{project.root}/", "")


def _url(project: ProjectFolder, url: str) -> None:
    project.configure(**{"sqlalchemy.url": url})


class TestUrl:
    def test_it_leads_to_the_database(self, backend: Backend, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", backend.url)

        with open_database(project.config) as database, connect(database.work) as conn:
            assert conn.scalar(text("SELECT 1")) == 1
            assert conn.dialect.name == commands.dialect_name(project.config) == backend.dialect

    def test_it_may_come_from_the_environment_with_all_its_percent_signs(
        self, postgresql_url: str, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", postgresql_url)
        _url(project, "${DATABASE_URL}")
        assert "%" in postgresql_url

        with open_database(project.config) as database, connect(database.work) as conn:
            assert conn.scalar(text("SELECT 1")) == 1

    def test_a_sqlite_file_is_relative_to_the_ini(
        self, project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        _url(project, "sqlite:///data.db")

        with open_database(project.config) as database:
            assert database.work.url.database == str(project.root / "data.db")

    def test_a_database_in_memory_lives_as_long_as_its_engine(self, project: ProjectFolder) -> None:
        _url(project, "sqlite://")

        with open_database(project.config) as database:
            with connect(database.work) as conn:
                conn.execute(text("CREATE TABLE t (x INTEGER)"))
                conn.commit()
            with connect(database.work) as conn:
                assert conn.execute(text("SELECT * FROM t")).all() == []
            assert kind_of("sqlite").is_memory(database.work.url)

    def test_a_migration_can_be_run_in_memory(self, project: ProjectFolder) -> None:
        _url(project, "sqlite://")
        project.migration("D001", "conn.exec_driver_sql('CREATE TABLE t (x INTEGER)')")

        (outcome,) = project.upgrade()

        assert outcome.revision == "D001"

    def test_values_of_parameters_are_hidden_unless_the_ini_says_otherwise(
        self, project: ProjectFolder
    ) -> None:
        assert "Ann" not in self._error_about_a_row(project)
        project.configure(hide_parameters="false", **{"sqlalchemy.url": "sqlite://"})
        assert "Ann" in self._error_about_a_row(project, configured=True)

    def _error_about_a_row(self, project: ProjectFolder, *, configured: bool = False) -> str:
        if not configured:
            _url(project, "sqlite://")
        with (
            open_database(project.config) as database,
            connect(database.work) as conn,
            pytest.raises(StatementError) as caught,
        ):
            conn.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "Ann"})
        return str(caught.value)

    @pytest.mark.parametrize("url", ["nonsense", "postgresql://ann:secret@db:port/x"])
    def test_one_that_does_not_parse_is_told_without_its_text(
        self, project: ProjectFolder, url: str
    ) -> None:
        _url(project, url)

        assert _fault(project) == (
            "delembic.ini, [delembic] sqlalchemy.url: is not a database URL.\n"
            "Write it as DIALECT+DRIVER://USER:PASSWORD@HOST:PORT/DATABASE, with special characters"
            " in the password percent-encoded."
        )

    def test_an_unknown_kind_of_database_is_told(self, project: ProjectFolder) -> None:
        _url(project, "postgres://ann:secret@db/x")

        assert _fault(project) == (
            "delembic.ini, [delembic] sqlalchemy.url: SQLAlchemy does not know the database"
            " 'postgres'.\n"
            "Use postgresql+psycopg:// for PostgreSQL, mysql+pymysql:// for MySQL and MariaDB, or"
            " sqlite:/// for SQLite. Another database needs the package of its dialect."
        )

    @pytest.mark.parametrize(
        ("url", "module", "install"),
        [
            ("postgresql+psycopg://db/x", "psycopg", "'delembic[postgresql]'"),
            ("mysql+pymysql://db/x", "pymysql", "'delembic[mysql]'"),
            ("mysql://db/x", "MySQLdb", "mysqlclient"),
            ("mysql+mysqlconnector://db/x", "mysql", "mysql-connector-python"),
        ],
    )
    def test_a_driver_that_is_missing_is_told_with_the_command_that_installs_it(
        self,
        project: ProjectFolder,
        monkeypatch: pytest.MonkeyPatch,
        url: str,
        module: str,
        install: str,
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, module, None)
        _url(project, url)

        with pytest.raises(DependencyNotInstalledError) as caught, open_database(project.config):
            pass

        assert caught.value.remedy.splitlines()[0] == f"Install it: pip install {install}"
        assert caught.value.message.startswith(f"{url.partition(':')[0]}:// needs the package ")


class TestMetadataUrl:
    def test_without_it_both_ends_are_one(self, project: ProjectFolder) -> None:
        _url(project, "sqlite:///data.db")

        with open_database(project.config) as database:
            assert not database.is_split

    def test_it_is_another_database(self, project: ProjectFolder) -> None:
        project.configure(**{"sqlalchemy.url": "sqlite:///a.db", "metadata_url": "sqlite:///b.db"})

        with open_database(project.config) as database:
            assert database.is_split
            assert database.metadata.url.database == str(project.root / "b.db")

    def test_a_fault_in_it_is_told_by_its_name(self, project: ProjectFolder) -> None:
        project.configure(**{"sqlalchemy.url": "sqlite:///a.db", "metadata_url": "nonsense"})

        assert _fault(project).startswith(
            "delembic.ini, [delembic] metadata_url: is not a database URL."
        )


class TestEnvPy:
    def test_its_engine_is_used_and_left_open(self, project: ProjectFolder) -> None:
        project.write(
            ENV_PY,
            """
            from sqlalchemy import create_engine, event
            disposed = []
            engine = create_engine("sqlite://")
            event.listen(engine, "engine_disposed", disposed.append)
            engine.pool.disposals = disposed
            def get_engine():
                return engine
            """,
        )

        with open_database(project.config) as database:
            engine = database.work
        with engine.connect() as conn:
            assert conn.scalar(text("SELECT 1")) == 1

        assert vars(engine.pool)["disposals"] == []
        assert engine.hide_parameters
        engine.dispose()

    def test_a_url_in_the_ini_comes_first(self, project: ProjectFolder) -> None:
        project.write(ENV_PY, "raise RuntimeError('not asked for')")
        _url(project, "sqlite:///a.db")

        assert commands.dialect_name(project.config) == "sqlite"

    def test_without_either_the_error_names_both(self, project: ProjectFolder) -> None:
        assert _fault(project) == (
            "delembic.ini, [delembic] sqlalchemy.url: is not set.\n"
            "Set it, or define get_engine() in delembic/env.py."
        )

    @pytest.mark.parametrize(
        ("source", "fault"),
        [
            (
                "x = 1",
                "delembic.ini, [delembic] sqlalchemy.url: is not set, and delembic/env.py has no"
                " get_engine().\nSet it, or define get_engine().",
            ),
            (
                "import long_gone",
                "delembic/env.py cannot be imported: ModuleNotFoundError: No module named"
                " 'long_gone'\n"
                "Correct delembic/env.py; on the command line, --debug shows the traceback.",
            ),
            (
                "def get_engine():\n    raise KeyError('DB_HOST')",
                "get_engine() in delembic/env.py failed: KeyError: 'DB_HOST'\n"
                "Correct delembic/env.py; on the command line, --debug shows the traceback.",
            ),
            (
                "def get_engine():\n    return 'sqlite://'",
                "get_engine() in delembic/env.py returned str, not an Engine.\n"
                "Return the result of sqlalchemy.create_engine(…).",
            ),
        ],
    )
    def test_what_is_wrong_with_it_is_told(
        self, project: ProjectFolder, source: str, fault: str
    ) -> None:
        project.write(ENV_PY, source)

        assert _fault(project) == fault


class TestConnecting:
    @pytest.mark.parametrize(
        "url",
        [
            "postgresql+psycopg://ann:se%40cret@127.0.0.1:1/x",
            "mysql+pymysql://ann:se%40cret@127.0.0.1:1/x",
        ],
    )
    def test_a_server_that_does_not_answer_is_told_without_the_password(
        self, project: ProjectFolder, url: str
    ) -> None:
        _url(project, url)

        with (
            open_database(project.config) as database,
            pytest.raises(DatabaseUnavailableError) as caught,
        ):
            connect(database.work)

        shown = url.replace("se%40cret", "***")
        assert caught.value.message.startswith(f"Cannot connect to {shown}: ")
        assert caught.value.remedy == (
            "Check that the server runs, and check the address, name and password in the URL."
        )
        assert "cret" not in str(caught.value)

    def test_a_folder_that_does_not_exist_is_told(self, project: ProjectFolder) -> None:
        _url(project, "sqlite:///nowhere/a.db")

        with (
            open_database(project.config) as database,
            pytest.raises(DatabaseUnavailableError) as caught,
        ):
            connect(database.work)

        assert caught.value.message == (
            f"Cannot connect to sqlite:///{project.root}/nowhere/a.db: unable to open database file"
        )

    def test_secrets_in_the_query_of_a_url_are_masked_too(self) -> None:
        url = make_url("postgresql://db/x?password=one&sslkey=two&application_name=me")

        assert masked(url) == "postgresql://db/x?application_name=me&password=***&sslkey=***"

    @pytest.mark.parametrize(
        ("url", "file"),
        [
            ("sqlite:////srv/a.db", Path("/srv/a.db")),
            ("sqlite:///a.db", Path("a.db")),
            ("sqlite://", None),
            ("sqlite:///:memory:", None),
            ("sqlite:///file:a?mode=memory&uri=true", None),
        ],
    )
    def test_a_file_is_told_from_memory(self, url: str, file: Path | None) -> None:
        assert kind_of("sqlite").file(make_url(url)) == file


class TestReconnecting:
    """A statement of delembic's own survives the loss of its connection."""

    @pytest.fixture(params=["postgresql", "mariadb"])
    def server(self, request: pytest.FixtureRequest) -> Backend:
        return Backend(request.param, request.getfixturevalue(f"{request.param}_url"))

    def _kill_session(self, server: Backend, session: int) -> None:
        kill = "SELECT pg_terminate_backend({})" if server.name == "postgresql" else "KILL {}"
        engine = create_engine(server.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.exec_driver_sql(kill.format(session))

    def test_after_a_lost_session_it_is_executed_on_a_new_one(self, server: Backend) -> None:
        own = "pg_backend_pid()" if server.name == "postgresql" else "connection_id()"
        engine = create_engine(server.url, poolclass=NullPool)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            before = conn.scalar(text(f"SELECT {own}"))
            self._kill_session(server, before)

            after = execute_reconnecting(conn, text(f"SELECT {own}")).scalar_one()

        assert after != before

    def test_a_statement_that_is_wrong_is_not_tried_again(self, server: Backend) -> None:
        engine = create_engine(server.url, poolclass=NullPool)
        with (
            engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn,
            pytest.raises((ProgrammingError, OperationalError)) as caught,
        ):
            execute_reconnecting(conn, text("SELECT * FROM nowhere"))

        assert isinstance(caught.value, DBAPIError)
        assert not caught.value.connection_invalidated


def test_a_database_with_one_engine_is_not_split() -> None:
    engine = create_engine("sqlite://")

    assert not Database(engine, engine).is_split
    assert Database(engine, create_engine("sqlite://")).is_split


def test_a_setting_error_names_the_setting(project: ProjectFolder) -> None:
    with pytest.raises(SettingError) as caught, open_database(project.config):
        pass

    assert (caught.value.key, caught.value.section) == ("sqlalchemy.url", "delembic")


class TestApart:
    """A connection of delembic's own, on an engine with a pool of the user's."""

    TAKE: ClassVar = {
        "postgresql": "SELECT pg_try_advisory_lock(1)",
        "mariadb": "SELECT GET_LOCK('one', 0)",
    }

    @pytest.fixture(params=["postgresql", "mariadb"])
    def server(self, request: pytest.FixtureRequest) -> Backend:
        return Backend(request.param, request.getfixturevalue(f"{request.param}_url"))

    def test_it_takes_no_place_in_the_pool(self, server: Backend) -> None:
        engine = create_engine(server.url, pool_size=1, max_overflow=0, pool_timeout=1)

        with autocommitting_apart(engine) as first, autocommitting_apart(engine) as second:
            assert execute_reconnecting(first, text("SELECT 1")).scalar_one() == 1
            second.invalidate()  # as a lost connection is
            assert execute_reconnecting(second, text("SELECT 1")).scalar_one() == 1
            with connect(engine) as work:
                assert work.exec_driver_sql("SELECT 1").scalar_one() == 1

        engine.dispose()

    def test_its_session_ends_with_it_and_so_do_its_locks(self, server: Backend) -> None:
        engine = create_engine(server.url)
        take = text(self.TAKE[server.name])
        with autocommitting_apart(engine) as conn:
            assert conn.execute(take).scalar_one()

        with connect(create_engine(server.url, poolclass=NullPool)) as other:
            for _ in range(100):  # the server may notice it a moment later
                if other.execute(take).scalar_one():
                    break
                time.sleep(0.05)
            else:
                pytest.fail("the lock is held")
        engine.dispose()

    def test_a_database_in_memory_is_not_left(self) -> None:
        engine = create_engine("sqlite://", poolclass=StaticPool)

        with autocommitting_apart(engine) as conn:
            conn.exec_driver_sql("CREATE TABLE t (n INTEGER)")
        with connect(engine) as conn:
            assert conn.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 0
        engine.dispose()
