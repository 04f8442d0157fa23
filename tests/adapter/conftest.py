"""Projects as Dagster sees them, and what its event log says of their runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, AssetsDefinition, DagsterInstance, Definitions, define_asset_job

from delembic_dagster import DelembicProject, build_delembic_defs
from delembic_dagster.testing import JobRun, run_job
from support.projects import ProjectFolder
from support.servers.backend import Backend

INSERT = "conn.exec_driver_sql(\"INSERT INTO t VALUES ('{}')\")"


@dataclass
class Location:
    """A code location with one project, and a Dagster instance to run it in."""

    folder: ProjectFolder
    instance: DagsterInstance

    @property
    def project(self) -> DelembicProject:
        """Read afresh, as a code location does when it is reloaded."""
        return DelembicProject(self.folder.root)

    def definitions(self, **options: Any) -> Definitions:
        return build_delembic_defs(self.project, **options)

    def run(self, *revisions: str, **options: Any) -> JobRun:
        """Run the job, for all migrations or for some."""
        return self.run_definitions(self.definitions(**options), *revisions)

    def run_definitions(
        self, definitions: Definitions, *revisions: str, job: str = "delembic_upgrade"
    ) -> JobRun:
        return run_job(definitions, self.instance, *revisions, job=job)

    def run_assets(self, assets: Sequence[AssetsDefinition]) -> JobRun:
        """Run assets of any making in one job."""
        definitions = Definitions(assets, jobs=[define_asset_job("all_of_them", "*")])
        return self.run_definitions(definitions, job="all_of_them")

    def inserting(self, revision: str, *depends_on: str, **options: Any) -> None:
        """Write a migration that leaves its own name in the table t."""
        self.folder.migration(revision, INSERT.format(revision), depends_on=depends_on, **options)

    def inserted(self) -> list[str]:
        return [row.name for row in self.folder.rows("SELECT name FROM t")]


def key(revision: str) -> AssetKey:
    return AssetKey(["delembic", revision])


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """A Dagster that forgets everything when the test ends."""
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
    """The same on SQLite alone, for what does not hang on the database."""
    folder = ProjectFolder(tmp_path / "project", sqlite_url)
    folder.execute("CREATE TABLE t (name VARCHAR(20))")
    return Location(folder, instance)


@pytest.fixture
def files(tmp_path: Path) -> ProjectFolder:
    """A project whose database nobody can reach, for all that has to work without one."""
    return ProjectFolder(tmp_path / "project", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
