"""The databases that tests can ask for.

A server is started when the first test asks for it, once for each process that runs tests.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.servers.availability import ServerUnavailableError, do_without, required_kinds
from support.servers.backend import Backend
from support.servers.databases import Databases
from support.servers.mariadb import CHARSET, private_mariadb
from support.servers.mariadb import DRIVER as MARIADB_DRIVER
from support.servers.named import named_databases
from support.servers.postgresql import DRIVER as POSTGRESQL_DRIVER
from support.servers.postgresql import private_postgresql
from support.servers.private import PrivateServer
from support.shell import end_what_was_started

# Its assertions are to show what differs, like those of a test.
pytest.register_assert_rewrite("support.pages")

POSTGRESQL_VARIABLE = "DELEMBIC_TEST_POSTGRES_URL"
MARIADB_VARIABLE = "DELEMBIC_TEST_MYSQL_URL"


def pytest_configure() -> None:
    """Refuses a requirement that means nothing before any test runs."""
    required_kinds()


@pytest.fixture(autouse=True)
def _projects_forgotten() -> Iterator[None]:
    """Lets no test import what the project of another one has at its root."""
    before = set(sys.path)
    yield
    roots = set(sys.path) - before
    sys.path[:] = [folder for folder in sys.path if folder not in roots]
    for name, module in sys.modules.copy().items():
        file = getattr(module, "__file__", None) or ""
        if file.rpartition(os.sep)[0] in roots:
            del sys.modules[name]


@pytest.fixture(autouse=True)
def _processes_ended() -> Iterator[None]:
    """Lets no process outlive the test that started it, whatever became of that."""
    yield
    end_what_was_started()


@pytest.fixture(scope="session")
def _private_postgresql() -> Iterator[PrivateServer]:
    try:
        with private_postgresql() as server:
            yield server
    except ServerUnavailableError as reason:
        do_without("postgresql", reason)


@pytest.fixture(scope="session")
def _private_mariadb() -> Iterator[PrivateServer]:
    try:
        with private_mariadb() as server:
            yield server
    except ServerUnavailableError as reason:
        do_without("mysql", reason)


@pytest.fixture(scope="session")
def postgresql_databases(request: pytest.FixtureRequest) -> Databases:
    """Where PostgreSQL databases are made: a private server, or the one that is named."""
    try:
        named = named_databases(POSTGRESQL_VARIABLE, POSTGRESQL_DRIVER)
    except ServerUnavailableError as reason:
        do_without("postgresql", reason)
    return named or _databases_of(request, "_private_postgresql")


@pytest.fixture(scope="session")
def mariadb_databases(request: pytest.FixtureRequest) -> Databases:
    """Where MariaDB databases are made: a private server, or the one that is named."""
    try:
        named = named_databases(MARIADB_VARIABLE, MARIADB_DRIVER, CHARSET)
    except ServerUnavailableError as reason:
        do_without("mysql", reason)
    return named or _databases_of(request, "_private_mariadb")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.sqlite'}"


@pytest.fixture
def postgresql_url(postgresql_databases: Databases) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgresql_databases.fresh() as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def mariadb_url(mariadb_databases: Databases) -> Iterator[str]:
    """The URL of an empty MariaDB database."""
    with mariadb_databases.fresh() as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def postgresql_server(
    postgresql_url: str, request: pytest.FixtureRequest
) -> Iterator[PrivateServer]:
    """The server of `postgresql_url`, which the test may kill, stop and start."""
    yield from _ours_to_stop(request, POSTGRESQL_VARIABLE, "_private_postgresql")


@pytest.fixture
def mariadb_server(mariadb_url: str, request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """The server of `mariadb_url`, which the test may kill, stop and start."""
    yield from _ours_to_stop(request, MARIADB_VARIABLE, "_private_mariadb")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """An empty database of each kind in turn."""
    return Backend(request.param, request.getfixturevalue(f"{request.param}_url"))


def _databases_of(request: pytest.FixtureRequest, fixture: str) -> Databases:
    server: PrivateServer = request.getfixturevalue(fixture)
    return server.databases


def _ours_to_stop(
    request: pytest.FixtureRequest, variable: str, fixture: str
) -> Iterator[PrivateServer]:
    if variable in os.environ:
        pytest.skip(f"{variable} names a server, and no test may stop that one")
    server: PrivateServer = request.getfixturevalue(fixture)
    yield server
    if not server.is_running():
        server.start()
