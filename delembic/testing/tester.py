"""A project whose migrations are tested, on a database of the test's own."""

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
    """Runs single migrations of a project on a fresh database, undisturbed and disturbed.

    Every method that runs a revision first applies what that depends on. Those that disturb it
    (`run_failing`, `fail`, `lose_connection`, `kill`) check that all of its work is rolled back and
    leave it to be run again, so that a test can call one after the other and `run_twice` at last.

    Neither the database that the ini names is opened, nor ``env.py`` asked: what listeners of yours
    do to an engine from there (foreign keys of SQLite, say) is not done here.

    Args:
        project: The settings, or the path of ``delembic.ini`` or of its folder.
        url: Of an empty database, which belongs to the test. No database in memory: each run opens
            connections of its own.
        with_schema: Bring the schema to the Alembic revisions that a migration needs, where
            ``alembic_config`` is set. The scripts are run as they are, on this database, and
            Alembic's ``env.py`` is not. If ``False``, the test makes the schema itself.

    Attributes:
        config: The project's settings with the test's database, for `delembic.commands`.
        url: Of that database.

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
        """Apply all that a revision depends on: of Alembic, and of delembic.

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
        """Run a revision, after all that it depends on.

        Returns:
            `delembic.events.Finished`, or `delembic.events.Skipped` if it was applied before.

        Raises:
            MigrationFailedError: It failed by itself.
            DelembicError: As `delembic.commands.apply` does.
        """
        self.upgrade_before(revision)
        return commands.apply(self.config, revision)

    def run_twice(self, revision: str) -> Finished:
        """Run a revision, and once more, and check that the second run changes nothing.

        Returns:
            How the first run ended.

        Raises:
            AssertionError: It was applied before, or the second run did something.
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
        """Run a revision that fails by itself, on data that its `validate` refuses, for example.

        Args:
            revision: Which one.
            rolled_back: Check that all of its work is undone. ``False`` is for a migration that
                commits some of it by itself.

        Returns:
            The error; its ``phase`` and ``reason`` tell where it failed and why.

        Raises:
            AssertionError: It did not fail, or left something behind.
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
        """Run a revision and let it raise a `DeliberateError`.

        Args:
            revision: Which one.
            phase: In which of its methods.
            after: After which statement of it, sent through SQLAlchemy, from 1 on; at its end if
                ``None``.
            rolled_back: As for `run_failing`.

        Returns:
            The error that delembic made of it.

        Raises:
            AssertionError: It did not come so far, went on in spite of the error, or left
                something behind.
            ValueError: There cannot be such a moment.
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
        """Run a revision and close the driver's connection beneath it.

        The arguments, the result and the errors are those of `fail`.
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
        """Run a revision in a process of its own, which is killed (``SIGKILL``) in the midst of it.

        The arguments are those of `fail`. Needs a system that has ``SIGKILL``, so not Windows.

        Raises:
            AssertionError: It did not come so far, or left something behind.
            ValueError: There cannot be such a moment.
            DelembicError: What it depends on could not be applied.
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
            schema = SchemaRevisions(self.config.alembic_config, self.config.section)
            with self.connection() as conn:
                schema.upgrade(conn, names)


@contextmanager
def migration_tester(
    project: Config | str | Path = ".", url: str | URL | None = None, *, with_schema: bool = True
) -> Iterator[MigrationTester]:
    """Give a `MigrationTester` on a fresh database.

    Args:
        project: See `MigrationTester`.
        url: See `MigrationTester`; if ``None``, a new SQLite file, which is removed at the end.
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
