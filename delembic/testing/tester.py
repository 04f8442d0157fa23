"""The tester, which runs a project's migrations on a database for one test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from delembic import commands
from delembic.config import Config
from delembic.errors import MigrationFailedError
from delembic.events import Finished, Outcome
from delembic.revisions.plan import make_plan
from delembic.testing.content import Content
from delembic.testing.database import FreshDatabase
from delembic.testing.faults import (
    Act,
    DeliberateError,
    Moment,
    MomentNeverCameError,
    Phase,
    disconnect,
    raising,
    run_struck,
)
from delembic.testing.victim import run_victim


class MigrationTester(FreshDatabase):
    """Runs single migrations of a project on a fresh database, with or without faults.

    Every method that runs a revision first applies its dependencies. The methods for failures
    (`run_failing`, `fail`, `lose_connection`, `kill`) check that all of its work is rolled back.
    The revision can then be run again, so a test can call several of them, and `run_twice` last.

    The database in the ini file is not opened, and ``env.py`` is not used. So listeners on the
    engine from ``env.py``, such as one that turns on SQLite's foreign keys, have no effect here.

    Args:
        project: The settings, or the path of ``delembic.ini`` or of its folder.
        url: The URL of an empty database for the test. An in-memory database does not work,
            because each run opens its own connections.
        with_schema: Whether to apply the Alembic revisions that a migration needs, if
            ``alembic_config`` is set. The scripts are run on this database, without Alembic's
            ``env.py``. If ``False``, the test creates the schema itself.

    Attributes:
        config: The project's settings with the test's database, for `delembic.commands`.
        url: The URL of that database.

    Raises:
        ConfigurationError: The settings cannot be read, the URL cannot be used, or the database
            is not fresh: migrations have been applied there.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from delembic.testing import MigrationTester
        >>> with TemporaryDirectory() as folder:
        ...     tester = MigrationTester("example_project", f"sqlite:///{folder}/test.db")
        ...     finished = tester.run("D005")
        ...     staged = tester.rows("SELECT * FROM concept_staging WHERE concept_code = 'EUR'")
        >>> [row.concept_name for row in staged]
        ['Euro']
    """

    def __init__(
        self, project: Config | str | Path, url: str | URL, *, with_schema: bool = True
    ) -> None:
        super().__init__(project, url)
        self._with_schema = with_schema

    def upgrade_before(self, revision: str) -> None:
        """Apply the Alembic and delembic revisions that a revision depends on.

        Raises:
            UnknownRevisionError: There is no such revision.
            DelembicError: As `delembic.commands.upgrade` does.
        """
        graph = commands.read_graph(self.config)
        graph.require(revision)
        if self._with_schema and self.config.alembic_config:
            plan = make_plan(graph, self._applied(), revision)
            self._upgrade_schema(*plan.external)
        for dependency in graph.dependencies(revision):
            commands.upgrade(self.config, dependency)

    def run(self, revision: str) -> Outcome:
        """Run a revision after its dependencies.

        Returns:
            `delembic.events.Finished`, or `delembic.events.Skipped` if it was already applied.

        Raises:
            MigrationFailedError: The migration failed.
            DelembicError: As `delembic.commands.apply` does.
        """
        self.upgrade_before(revision)
        return commands.apply(self.config, revision)

    def run_twice(self, revision: str) -> Finished:
        """Run a revision twice, and check that the second run changes nothing.

        Returns:
            How the first run ended.

        Raises:
            AssertionError: It was already applied, or the second run changed something.
            DelembicError: As `run` does.
        """
        self._prepare(revision)
        first = commands.apply(self.config, revision)
        between = self.snapshot()
        second = commands.apply(self.config, revision)
        if not isinstance(first, Finished) or isinstance(second, Finished):
            facts = f"{revision} did not take effect exactly once: {first}, then {second}"
            raise AssertionError(facts)  # noqa: TRY004 - not of a type that anybody passed
        self._check_unchanged(between, f"The second run of {revision}")
        return first

    def run_failing(self, revision: str, *, rolled_back: bool = True) -> MigrationFailedError:
        """Run a revision that fails by itself, on data that its ``validate`` refuses, for example.

        Args:
            revision: The revision to run.
            rolled_back: Whether to check that all of its work was rolled back. Use ``False`` for a
                migration that commits some of it itself.

        Returns:
            The error. Its ``phase`` and ``reason`` are where and why the migration failed.

        Raises:
            AssertionError: The migration did not fail, or it left changes behind.
            DelembicError: As `run` does.
        """
        before = self._prepare(revision)
        try:
            outcome = commands.apply(self.config, revision)
        except MigrationFailedError as error:
            self._check_undone(before, revision, "it failed", rolled_back)
            return error
        raise AssertionError(f"{revision} did not fail: {outcome}")

    def fail(
        self,
        revision: str,
        phase: Phase = "upgrade",
        *,
        after: int | None = None,
        rolled_back: bool = True,
    ) -> MigrationFailedError:
        """Run a revision and make it raise a `DeliberateError`.

        Args:
            revision: The revision to run.
            phase: The method in which the error is raised.
            after: The statement after which it is raised, from 1. Only statements through
                SQLAlchemy count. If ``None``, it is raised at the end of the method.
            rolled_back: As for `run_failing`.

        Returns:
            The error that delembic raised.

        Raises:
            AssertionError: The migration did not get that far, went on despite the error, or left
                changes behind.
            ValueError: There is no such moment.
            DelembicError: As `run` does.
        """
        moment = Moment(phase, after)
        error = self._strike(revision, moment, raising(moment), rolled_back)
        if not isinstance(error.__cause__, DeliberateError):
            facts = f"{revision} failed by itself: {error.message}"
            raise AssertionError(facts) from error  # noqa: TRY004 - as above
        return error

    def lose_connection(
        self,
        revision: str,
        phase: Phase = "upgrade",
        *,
        after: int | None = None,
        rolled_back: bool = True,
    ) -> MigrationFailedError:
        """Run a revision and close the driver's connection during the run.

        Takes the arguments of `fail`, returns the same and raises the same errors.
        """
        return self._strike(revision, Moment(phase, after), disconnect, rolled_back)

    def kill(
        self,
        revision: str,
        phase: Phase = "upgrade",
        *,
        after: int | None = None,
        rolled_back: bool = True,
    ) -> None:
        """Run a revision in a separate process, which is killed (``SIGKILL``) during the run.

        Takes the arguments of `fail`. Windows has no ``SIGKILL``, so this does not work there.

        Raises:
            AssertionError: The migration did not get that far, or it left changes behind.
            ValueError: There is no such moment.
            DelembicError: A dependency could not be applied.
        """
        moment = Moment(phase, after)
        before = self._prepare(revision)
        ended = run_victim(self.config, revision, moment)
        if ended.returncode != -signal.SIGKILL:
            raise AssertionError(
                f"{revision} could not be killed {moment}: its process ended with exit code"
                f" {ended.returncode}.\n{ended.stdout}"
            )
        self._check_undone(before, revision, f"it was killed {moment}", rolled_back)

    def _prepare(self, revision: str) -> Content:
        self.upgrade_before(revision)
        if revision in self._applied():
            raise AssertionError(f"{revision} is already applied")
        return self.snapshot()

    def _strike(
        self, revision: str, moment: Moment, act: Act, rolled_back: bool
    ) -> MigrationFailedError:
        before = self._prepare(revision)
        try:
            run_struck(self.config, revision, moment, act)
        except MigrationFailedError as error:
            if isinstance(error.__cause__, MomentNeverCameError):
                facts = f"{revision}: {error.__cause__}"
                raise AssertionError(facts) from error  # noqa: TRY004 - as above
            self._check_undone(before, revision, f"it failed {moment}", rolled_back)
            return error
        raise AssertionError(f"{revision} succeeded despite the fault {moment}")

    def _check_undone(self, before: Content, revision: str, cause: str, rolled_back: bool) -> None:
        if revision in self._applied():
            raise AssertionError(f"{revision} is applied, although {cause}")
        if rolled_back:
            self._check_unchanged(before, f"{revision}, although {cause},")

    def _upgrade_schema(self, *names: str) -> None:
        # Imported when it is needed: Alembic is an extra.
        from delembic.schema.alembic import SchemaRevisions

        if names and self.config.alembic_config:
            schema = SchemaRevisions(
                self.config.alembic_config, self.config.section, self.config.root
            )
            with self.connection() as conn:
                schema.upgrade(conn, names)


@contextmanager
def migration_tester(
    project: Config | str | Path = ".", url: str | URL | None = None, *, with_schema: bool = True
) -> Iterator[MigrationTester]:
    """Yield a `MigrationTester` on a fresh database.

    Args:
        project: See `MigrationTester`.
        url: See `MigrationTester`. If ``None``, a new SQLite file is used, and removed at the end.
        with_schema: See `MigrationTester`.

    Raises:
        ConfigurationError: See `MigrationTester`.

    Example:
        >>> from delembic.testing import migration_tester
        >>> with migration_tester("example_project") as tester:
        ...     outcome = tester.run("D001")
        ...     tester.rows("SELECT count(*) FROM vocabulary")
        [(5,)]
    """
    with TemporaryDirectory(prefix="delembic-") as folder:
        file = f"sqlite:///{Path(folder) / 'test.db'}"
        yield MigrationTester(project, url or file, with_schema=with_schema)
