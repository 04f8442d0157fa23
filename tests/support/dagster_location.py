"""A code location with one project, for tests of the Dagster adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetKey,
    AssetsDefinition,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    define_asset_job,
)

from delembic_dagster import DelembicProject, build_delembic_defs
from delembic_dagster.testing import JobRun, run_job
from support.projects import ProjectFolder

INSERT = "conn.exec_driver_sql(\"INSERT INTO t VALUES ('{}')\")"


@dataclass
class Location:
    """A code location with one project, and a Dagster instance to run it in."""

    folder: ProjectFolder
    instance: DagsterInstance

    @property
    def project(self) -> DelembicProject:
        """The project, read again as when a code location is reloaded."""
        return DelembicProject(self.folder.root)

    def definitions(self, **options: Any) -> Definitions:
        return build_delembic_defs(self.project, **options)

    def run(self, *revisions: str, **options: Any) -> JobRun:
        """Run the job, for all migrations or for some."""
        return self.run_definitions(self.definitions(**options), *revisions)

    def starting(self, *revisions: str) -> DagsterRun:
        """Create a run of the job that is about to start, for all migrations or for some."""
        selected = {key(revision) for revision in revisions}
        job = self.definitions().resolve_job_def("delembic_upgrade")
        return self.instance.create_run_for_job(
            job.get_subset(asset_selection=selected) if selected else job,
            status=DagsterRunStatus.STARTING,
            asset_selection=frozenset(selected) or None,
        )

    def run_definitions(
        self, definitions: Definitions, *revisions: str, job: str = "delembic_upgrade"
    ) -> JobRun:
        return run_job(definitions, self.instance, *revisions, job=job)

    def run_assets(self, assets: Sequence[AssetsDefinition]) -> JobRun:
        """Run any assets in one job."""
        definitions = Definitions(assets, jobs=[define_asset_job("all_of_them", "*")])
        return self.run_definitions(definitions, job="all_of_them")

    def inserting(self, revision: str, *depends_on: str, **options: Any) -> None:
        """Write a migration that inserts its own name into the table t."""
        self.folder.migration(revision, INSERT.format(revision), depends_on=depends_on, **options)

    def inserted(self) -> list[str]:
        return [row.name for row in self.folder.rows("SELECT name FROM t")]


def key(revision: str) -> AssetKey:
    return AssetKey(["delembic", revision])
