"""The servers that all the other tests stand on."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError
from sqlalchemy import NullPool, create_engine, inspect, text
from sqlalchemy.exc import OperationalError

from support.servers.availability import KINDS, ServerUnavailableError, do_without, required_kinds
from support.servers.backend import Backend
from support.servers.databases import Databases
from support.servers.named import named_databases
from support.servers.private import PrivateServer
from support.servers.redis import private_redis

TESTS = Path(__file__).parent
NOBODY_LISTENS = "mysql://nobody@127.0.0.1:1/mysql"


def _execute(url: str, *statements: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _tables(url: str) -> list[str]:
    return inspect(create_engine(url, poolclass=NullPool)).get_table_names()


def _run_tests(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Not a worker of ours, so it must not take itself for one.
    inherited = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rsE", *arguments],
        env=inherited | environment,
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_fresh_database_is_empty(backend: Backend) -> None:
    """Nothing is in a database before the test puts it there."""
    assert _tables(backend.url) == []


@pytest.mark.parametrize("visitor", ["first", "second"])
def test_two_tests_do_not_see_each_other(backend: Backend, visitor: str) -> None:
    """Each test can make the same table, because each has a database of its own."""
    _execute(backend.url, f"CREATE TABLE guest (name VARCHAR({len(visitor)}))")

    assert _tables(backend.url) == ["guest"]


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_a_forgotten_transaction_does_not_keep_a_database_alive(
    server: str, request: pytest.FixtureRequest
) -> None:
    """A test that leaves a connection open, mid-transaction, does not block the clearing up."""
    databases: Databases = request.getfixturevalue(f"{server}_databases")
    with databases.fresh() as url:
        forgotten = create_engine(url, poolclass=NullPool).connect()
        forgotten.execute(text("CREATE TABLE held (id INTEGER)"))
        forgotten.execute(text("INSERT INTO held VALUES (1)"))

    forgotten.invalidate()
    with pytest.raises(OperationalError), create_engine(url, poolclass=NullPool).connect():
        pass


@pytest.mark.parametrize(
    ("named", "used"),
    [
        ("postgresql", "postgresql+psycopg"),
        ("postgresql+psycopg2", "postgresql+psycopg2"),
    ],
)
def test_a_named_server_is_used_with_the_driver_that_its_url_names(
    postgresql_databases: Databases, monkeypatch: pytest.MonkeyPatch, named: str, used: str
) -> None:
    url = postgresql_databases.server.set(drivername=named)
    monkeypatch.setenv("NAMED", url.render_as_string(hide_password=False))

    databases = named_databases("NAMED", "postgresql+psycopg")

    assert databases == Databases(url.set(drivername=used))


def test_the_passwords_are_difficult_ones(
    postgresql_server: PrivateServer, mariadb_server: PrivateServer
) -> None:
    """What is special in a URL or an ini file is in the password, so it gets exercised."""
    for server in (postgresql_server, mariadb_server):
        assert set("%@:/").issubset(server.databases.server.password or "")


def test_postgresql_keeps_its_data_over_a_restart(
    postgresql_url: str, postgresql_server: PrivateServer
) -> None:
    """A server that was stopped comes back with the same data at the same address."""
    _keeps_its_data_over_a_restart(postgresql_server, postgresql_url)


def test_mariadb_keeps_its_data_over_a_restart(
    mariadb_url: str, mariadb_server: PrivateServer
) -> None:
    """A server that was stopped comes back with the same data at the same address."""
    _keeps_its_data_over_a_restart(mariadb_server, mariadb_url)


def _keeps_its_data_over_a_restart(server: PrivateServer, url: str) -> None:
    _execute(url, "CREATE TABLE kept (id INTEGER)")
    before = server.pid

    server.stop()
    assert _is_gone(before)
    server.start()

    assert server.pid != before
    assert _tables(url) == ["kept"]


def test_postgresql_keeps_what_was_committed_when_it_is_killed(
    postgresql_url: str, postgresql_server: PrivateServer
) -> None:
    """The settings that make the server fast do not make it forget."""
    _keeps_what_was_committed_when_killed(postgresql_server, postgresql_url)


def test_mariadb_keeps_what_was_committed_when_it_is_killed(
    mariadb_url: str, mariadb_server: PrivateServer
) -> None:
    """The settings that make the server fast do not make it forget."""
    _keeps_what_was_committed_when_killed(mariadb_server, mariadb_url)


def _keeps_what_was_committed_when_killed(server: PrivateServer, url: str) -> None:
    _execute(url, "CREATE TABLE kept (id INTEGER)", "INSERT INTO kept VALUES (7)")

    os.kill(server.pid, signal.SIGKILL)
    _wait_until(lambda: not server.is_running())
    server.start()

    with create_engine(url, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("SELECT id FROM kept")) == 7


def test_a_private_redis_lets_nobody_in_without_its_password() -> None:
    """So that no other program on this machine can take it for its own."""
    try:
        with private_redis() as url:
            with Redis.from_url(url) as ours:
                assert ours.ping()
            stranger = Redis.from_url(re.sub(r"//:\w+@", "//", url))
            with stranger, pytest.raises(AuthenticationError):
                stranger.ping()
    except ServerUnavailableError as reason:
        do_without("redis", reason)


@pytest.mark.parametrize(("required", "outcome"), [("", "1 skipped"), ("mysql", "1 error")])
def test_a_server_that_cannot_be_had_skips_the_test_unless_it_is_required(
    required: str, outcome: str
) -> None:
    """Both say why; only a required server turns the run red."""
    run = _run_tests(
        "tests/test_servers.py::test_a_fresh_database_is_empty[mariadb]",
        DELEMBIC_TEST_MYSQL_URL=NOBODY_LISTENS,
        DELEMBIC_TEST_REQUIRE=required,
    )

    assert outcome in run.stdout
    assert "DELEMBIC_TEST_MYSQL_URL leads nowhere" in run.stdout
    assert (run.returncode == pytest.ExitCode.OK) is (required == "")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_server_can_be_required(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinds are required one by one, in a list that may have spaces."""
    monkeypatch.setenv("DELEMBIC_TEST_REQUIRE", f" {kind} ,")

    with pytest.raises(pytest.fail.Exception, match="no binaries"):
        do_without(kind, ServerUnavailableError("there are no binaries"))


def test_a_kind_that_does_not_exist_cannot_be_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error does not switch the requirement off."""
    monkeypatch.setenv("DELEMBIC_TEST_REQUIRE", "postgresql,mysequel")

    with pytest.raises(pytest.UsageError, match="mysequel"):
        required_kinds()


def test_a_killed_test_run_leaves_no_process_and_no_folder() -> None:
    """Whoever kills the tests does not have to clear up behind them."""
    script = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r});"
        "from signal import SIGTERM; from support.servers.private import Keeper;"
        "keeper = Keeper('sleep', SIGTERM);"
        "print(keeper.folder, keeper.start(['sleep', '600']), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        folder, pid = run.stdout.readline().split()
        run.kill()

    _wait_until(lambda: _is_gone(int(pid)) and not Path(folder).exists())
