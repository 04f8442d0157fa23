"""A project under test in Dagster, on a database that belongs to the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dagster import DagsterInstance, Definitions

from delembic import Config
from delembic.testing import MigrationTester, migration_tester
from delembic_dagster.definitions import build_delembic_defs
from delembic_dagster.project import DelembicProject
from delembic_dagster.testing.job_run import JobRun, run_job


class ProjectUnderTest(DelembicProject):
    """A project whose settings have the database of a test.

    Args:
        project: The project.
        config: The settings with the test's database.

    Example:
        >>> from delembic.testing import migration_tester
        >>> with migration_tester("example_project") as tester:
        ...     project = ProjectUnderTest(DelembicProject("example_project"), tester.config)
        >>> project.dialect
        'sqlite'
    """

    def __init__(self, project: DelembicProject, config: Config) -> None:
        super().__init__(project.path, project.section)
        # This replaces the cached value, which names the real database.
        object.__setattr__(self, "config", config)

    def __reduce__(self) -> Any:
        # Unpickling must not restore the project with the real database.
        return ProjectUnderTest, (DelembicProject(self.path, self.section), self.config)


@dataclass(frozen=True)
class DagsterTester:
    """Runs a project's job in Dagster, on the database of a `delembic.testing.MigrationTester`.

    Attributes:
        project: The project with the test's database, for definitions of your own.
        migrations: The tester that reads the database, and applies migrations before a run.
        instance: The Dagster instance that records the runs.

    Example:
        >>> from dagster import DagsterInstance
        >>> from delembic.testing import migration_tester
        >>> with (
        ...     migration_tester("example_project") as migrations,
        ...     DagsterInstance.ephemeral() as instance,
        ... ):
        ...     project = ProjectUnderTest(DelembicProject("example_project"), migrations.config)
        ...     tester = DagsterTester(project, migrations, instance)
        ...     migrations.upgrade_before("D002")
        ...     tester.run("D001", "D002").materialized()["D001"]["status"]
        'already_applied'
    """

    project: DelembicProject
    migrations: MigrationTester
    instance: DagsterInstance

    def definitions(self, **options: Any) -> Definitions:
        """Return what `delembic_dagster.build_delembic_defs` returns with the given options."""
        return build_delembic_defs(self.project, **options)

    def run(self, *revisions: str, **options: Any) -> JobRun:
        """Run the project's job for all migrations or for some.

        Args:
            revisions: The revisions to run; all if none are given.
            options: The options of `delembic_dagster.build_delembic_defs`.

        Raises:
            KeyError: There is no asset for one of the revisions.
        """
        return run_job(self.definitions(**options), self.instance, *revisions)


@contextmanager
def dagster_tester(
    project: DelembicProject, url: str | None = None, *, with_schema: bool = True
) -> Iterator[DagsterTester]:
    """Yield a `DagsterTester` on a new database, with an instance that is discarded at the end.

    Args:
        project: The project.
        url: The URL of an empty database for the test; a new SQLite file if ``None``.
        with_schema: See `delembic.testing.MigrationTester`.

    Raises:
        ConfigurationError: See `delembic.testing.MigrationTester`.

    Example:
        >>> from delembic_dagster import DelembicProject
        >>> with dagster_tester(DelembicProject("example_project")) as tester:
        ...     tester.migrations.upgrade_before("D002")
        ...     tester.run("D002").success
        True
    """
    with (
        migration_tester(project.config, url, with_schema=with_schema) as migrations,
        DagsterInstance.ephemeral() as instance,
    ):
        yield DagsterTester(ProjectUnderTest(project, migrations.config), migrations, instance)
