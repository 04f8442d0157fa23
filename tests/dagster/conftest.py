"""Projects as Dagster sees them, and what its event log says of their runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetsDefinition,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    define_asset_job,
)

from delembic_dagster import DelembicProject, build_delembic_defs
from projects import ProjectFolder
from servers.backend import Backend

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

    def run(self, *revisions: str, **options: Any) -> Ran:
        """Run the job, for all migrations or for some."""
        return self.run_definitions(self.definitions(**options), *revisions)

    def run_definitions(
        self, definitions: Definitions, *revisions: str, job: str = "delembic_upgrade"
    ) -> Ran:
        keys = [key(revision) for revision in revisions] or None
        return Ran(
            definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance, raise_on_error=False, asset_selection=keys
            )
        )

    def run_assets(self, assets: Sequence[AssetsDefinition]) -> Ran:
        """Run assets of any making in one job."""
        definitions = Definitions(assets, jobs=[define_asset_job("all_of_them", "*")])
        return self.run_definitions(definitions, job="all_of_them")

    def inserting(self, revision: str, *depends_on: str, **options: Any) -> None:
        """Write a migration that leaves its own name in the table t."""
        self.folder.migration(revision, INSERT.format(revision), depends_on=depends_on, **options)

    def inserted(self) -> list[str]:
        return [row.name for row in self.folder.rows("SELECT name FROM t")]


@dataclass(frozen=True)
class Ran:
    """What became of a run, by revision."""

    result: ExecuteInProcessResult

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def run_id(self) -> str:
        return self.result.run_id

    def materialized(self) -> dict[str, dict[str, Any]]:
        """The metadata of each materialisation, without ``delembic/`` before their names."""
        return {
            event.asset_key.path[-1]: plain(event.materialization.metadata)
            for event in self.result.get_asset_materialization_events()
            if event.asset_key
        }

    def checks(self) -> list[tuple[str, bool]]:
        return [
            (evaluation.asset_key.path[-1], evaluation.passed)
            for evaluation in self.result.get_asset_check_evaluations()
        ]

    def started(self) -> list[str]:
        return [
            str(event.step_key).removeprefix("delembic__")
            for event in self.result.all_events
            if event.event_type == DagsterEventType.STEP_START
        ]

    def failed(self) -> set[str]:
        return {key.removeprefix("delembic__") for key in self.result.get_failed_step_keys()}

    def failure(self, revision: str) -> Failed:
        data = self.result.failure_data_for_node(f"delembic__{revision}")
        assert data
        assert data.user_failure_data, data.error
        return Failed(
            str(data.user_failure_data.description),
            plain(data.user_failure_data.metadata),
            data.error.to_string() if data.error else "",
        )


@dataclass(frozen=True)
class Failed:
    """What a failed step says."""

    description: str
    metadata: dict[str, Any]
    error: str


def key(revision: str) -> AssetKey:
    return AssetKey(["delembic", revision])


def plain(metadata: Any) -> dict[str, Any]:
    return {name.removeprefix("delembic/"): entry.value for name, entry in metadata.items()}


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
