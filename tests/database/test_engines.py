"""Engines from URLs of every kind: silent servers, and asynchronous drivers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from delembic.errors import DatabaseUnavailableError
from support.projects import ProjectFolder
from support.servers.backend import Backend

SLEEP = {"postgresql": "SELECT pg_sleep(1.2)", "mariadb": "SELECT SLEEP(1.2)"}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are accepted, by the operating system, and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+psycopg2", "mysql+pymysql"])
def test_it_is_reported_as_not_available(silent_port: int, tmp_path: Path, driver: str) -> None:
    if driver.endswith("psycopg2"):
        pytest.importorskip("psycopg2")
    project = ProjectFolder(tmp_path / "project", f"{driver}://u@127.0.0.1:{silent_port}/shop")
    project.configure(connect_timeout="1")
    project.migration("D001")

    with pytest.raises(DatabaseUnavailableError, match=f"127.0.0.1:{silent_port}"):
        project.upgrade()


def test_statements_may_take_longer(backend: Backend, tmp_path: Path) -> None:
    if backend.name == "sqlite":
        pytest.skip("SQLite has no server")
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.configure(connect_timeout="1")
    project.migration("D001", f"conn.exec_driver_sql({SLEEP[backend.name]!r})")

    project.upgrade()

    assert project.states() == {"D001": "applied"}


@pytest.mark.parametrize(
    ("asynchronous", "name"),
    [
        ("postgresql+asyncpg", "postgresql"),
        ("mysql+aiomysql", "mariadb"),
        ("postgresql+psycopg_async", "postgresql"),
        ("sqlite+aiosqlite", "sqlite"),
    ],
)
def test_an_asynchronous_driver_stands_for_its_synchronous_twin(
    backend: Backend, tmp_path: Path, asynchronous: str, name: str
) -> None:
    if backend.name != name:
        pytest.skip("the URL is for another database")
    url = make_url(backend.url).set(drivername=asynchronous)
    project = ProjectFolder(tmp_path / "project", url.render_as_string(hide_password=False))
    project.migration("D001")

    project.upgrade()

    assert project.states() == {"D001": "applied"}


def test_an_asynchronous_engine_stands_for_its_synchronous_twin(
    postgresql_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", "")
    project.migration("D001")
    project.write(
        "delembic/env.py",
        f"""
        from sqlalchemy.ext.asyncio import create_async_engine
        def get_engine():
            return create_async_engine({postgresql_url!r})
        """,
    )

    project.upgrade()

    assert project.states() == {"D001": "applied"}
