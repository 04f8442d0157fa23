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
from delembic.testing.faults import (
    Act,
    DeliberateError,
    Moment,
    Phase,
    disconnect,
    disconnecting,
    raising,
    run_struck,
)
from delembic.testing.preparation import PreparedDatabase, refuse_missed
from delembic.testing.victim import run_victim


class MigrationTester(PreparedDatabase):
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
        batch: int = 1,
        rolled_back: bool = True,
    ) -> MigrationFailedError:
        """Run a revision and make it raise a `DeliberateError`.

        Args:
            revision: The revision to run.
            phase: The method in which the error is raised. In a migration in batches, ``upgrade``
                means ``upgrade_batch``, and ``between`` is the moment before a batch.
            after: The statement after which it is raised, from 1. Only statements through
                SQLAlchemy count. If ``None``, it is raised at the end of the method.
            batch: For a migration in batches: the batch in which it is raised, counted from 1, from
                where an earlier attempt has stopped. The batches before it are done and stay.
            rolled_back: As for `run_failing`.

        Returns:
            The error that delembic raised.

        Raises:
            AssertionError: The migration did not get that far, went on despite the error, or left
                changes behind.
            ValueError: There is no such moment.
            DelembicError: As `run` does.
        """
        moment = Moment(phase, after, batch)
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
        batch: int = 1,
        rolled_back: bool = True,
    ) -> MigrationFailedError:
        """Run a revision and close the driver's connection during the run.

        A migration in batches survives that; see `reconnect`. Takes the arguments of `fail`,
        returns the same and raises the same errors.
        """
        return self._strike(revision, Moment(phase, after, batch), disconnect, rolled_back)

    def reconnect(self, revision: str, *, after: int | None = None, batch: int = 1) -> Finished:
        """Run a migration in batches to its end, and close the driver's connection in a batch.

        The run connects anew and does that batch again.

        Args:
            revision: The revision to run.
            after: As for `fail`.
            batch: As for `fail`.

        Returns:
            How the run ended.

        Raises:
            AssertionError: The migration did not get that far.
            ValueError: There is no such moment.
            DelembicError: As `run` does.
        """
        moment = Moment("upgrade", after, batch)
        self._prepare(revision)
        try:
            outcome = run_struck(self.config, revision, moment, disconnecting())
        except MigrationFailedError as error:
            refuse_missed(revision, error)
            raise
        if not isinstance(outcome, Finished):
            raise AssertionError(f"{revision} was not run: {outcome}")  # noqa: TRY004 - as above
        return outcome

    def kill(
        self,
        revision: str,
        phase: Phase = "upgrade",
        *,
        after: int | None = None,
        batch: int = 1,
        rolled_back: bool = True,
    ) -> None:
        """Run a revision in a separate process, which is killed (``SIGKILL``) during the run.

        Takes the arguments of `fail`. Windows has no ``SIGKILL``, so this does not work there.

        Raises:
            AssertionError: The migration did not get that far, or it left changes behind.
            ValueError: There is no such moment.
            DelembicError: A dependency could not be applied.
        """
        moment = Moment(phase, after, batch)
        before, last = self._stage(revision, moment)
        ended = run_victim(self.config, revision, last)
        if ended.returncode != -signal.SIGKILL:
            raise AssertionError(
                f"{revision} could not be killed {moment}: its process ended with exit code"
                f" {ended.returncode}.\n{ended.stdout}"
            )
        self._check_undone(before, revision, f"it was killed {moment}", rolled_back)

    def _strike(
        self, revision: str, moment: Moment, act: Act, rolled_back: bool
    ) -> MigrationFailedError:
        before, last = self._stage(revision, moment)
        try:
            run_struck(self.config, revision, last, act)
        except MigrationFailedError as error:
            refuse_missed(revision, error)
            self._check_undone(before, revision, f"it failed {moment}", rolled_back)
            return error
        raise AssertionError(f"{revision} succeeded despite the fault {moment}")


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
