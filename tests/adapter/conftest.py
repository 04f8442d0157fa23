"""Projects and Dagster instances for the tests of the adapter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from support.dagster_location import Location
from support.projects import ProjectFolder
from support.servers.backend import Backend


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """A Dagster instance that is discarded when the test ends."""
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def location(tmp_path: Path, backend: Backend, instance: DagsterInstance) -> Location:
    """An empty project whose database has a table t, once for each kind of database."""
    folder = ProjectFolder(tmp_path / "project", backend.url)
    folder.execute("CREATE TABLE t (name VARCHAR(20))")
    return Location(folder, instance)


@pytest.fixture
def sqlite_location(tmp_path: Path, sqlite_url: str, instance: DagsterInstance) -> Location:
    """A project like `location`, but on SQLite only, for what does not depend on the database."""
    folder = ProjectFolder(tmp_path / "project", sqlite_url)
    folder.execute("CREATE TABLE t (name VARCHAR(20))")
    return Location(folder, instance)


@pytest.fixture
def files(tmp_path: Path) -> ProjectFolder:
    """A project with an unreachable database, for everything that has to work without one."""
    return ProjectFolder(tmp_path / "project", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
