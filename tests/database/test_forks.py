"""What a child process inherits of delembic's connections."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from delembic.database.connections import autocommitting_apart, connect

SESSION = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}


def _in_a_child(do: Callable[[], bool]) -> bool:
    """Whether a function returns true in a process that is forked from this one."""
    child = os.fork()
    if child == 0:
        kept = False
        try:
            kept = do()
        finally:
            os._exit(0 if kept else 1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _is_lost(conn: Connection) -> bool:
    try:
        conn.exec_driver_sql("SELECT 1")
    except DBAPIError as error:
        return error.connection_invalidated
    return False


@pytest.fixture(
    params=["postgresql+psycopg", "postgresql+psycopg2", "mysql+pymysql", "mysql+mysqldb"]
)
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database on a server, with each driver in turn."""
    drivername: str = request.param
    kind, _, driver = drivername.partition("+")
    pytest.importorskip("MySQLdb" if driver == "mysqldb" else driver)
    server = "mariadb" if kind == "mysql" else kind
    url = make_url(request.getfixturevalue(f"{server}_url")).set(drivername=drivername)
    return url.render_as_string(hide_password=False)


def test_a_connection_is_lost_in_a_child_and_goes_on_here(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with connect(engine) as conn:
        session = conn.exec_driver_sql(SESSION[engine.dialect.name]).scalar_one()

        assert _in_a_child(lambda: _is_lost(conn))

        assert conn.exec_driver_sql(SESSION[engine.dialect.name]).scalar_one() == session


def test_a_child_that_closes_it_does_not_end_its_session(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)

    def end(conn: Connection) -> bool:
        conn.connection.close()
        gc.collect()
        return True

    with connect(engine) as conn:
        assert _in_a_child(lambda: end(conn))

        assert conn.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_one_that_stands_apart_from_a_pool_is_lost_in_a_child_too(url: str) -> None:
    engine = create_engine(url)
    with autocommitting_apart(engine) as conn:
        assert _in_a_child(lambda: _is_lost(conn))

        assert conn.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_a_connection_that_was_opened_again_is_lost_in_a_child_too(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with connect(engine) as conn:
        conn.invalidate()
        conn.rollback()
        conn.exec_driver_sql("SELECT 1")

        assert _in_a_child(lambda: _is_lost(conn))


def test_a_closed_one_and_one_without_a_socket_do_no_harm(url: str, sqlite_url: str) -> None:
    closed = connect(create_engine(url, poolclass=NullPool))
    closed.close()
    engine = create_engine(url, poolclass=NullPool)
    with connect(create_engine(sqlite_url, poolclass=NullPool)), connect(engine) as conn:
        assert _in_a_child(lambda: _is_lost(conn))
