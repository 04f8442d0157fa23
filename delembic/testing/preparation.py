"""The database of a test, brought to the moment right before a fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import URL

from delembic import commands
from delembic.config import Config
from delembic.errors import MigrationFailedError
from delembic.revisions.plan import make_plan
from delembic.testing.content import Content
from delembic.testing.database import FreshDatabase
from delembic.testing.faults import (
    DeliberateError,
    Moment,
    MomentNeverCameError,
    raising,
    run_struck,
)


@dataclass(frozen=True, slots=True)
class Before:
    """The state of things before a fault.

    Attributes:
        content: Every row.
        rows: How many rows a migration in batches counts as done.
    """

    content: Content
    rows: int


class PreparedDatabase(FreshDatabase):
    """A database in which everything is applied that a revision depends on.

    Args:
        project: See `delembic.testing.MigrationTester`.
        url: See there.
        with_schema: See there.
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

    def _stage(self, revision: str, moment: Moment) -> tuple[Before, Moment]:
        """Run what comes before a moment in a migration in batches.

        Returns:
            The state of things then, and the moment for the attempt that is to be struck.
        """
        before = self._prepare(revision)
        stage = _stage_before(moment)
        if stage is None or not commands.read_graph(self.config)[revision].batched:
            return before, moment
        try:
            run_struck(self.config, revision, stage, raising(stage))
        except MigrationFailedError as error:
            refuse_missed(revision, error)
            if not isinstance(error.__cause__, DeliberateError):
                raise
        return self._before(revision), replace(moment, batch=1)

    def _before(self, revision: str) -> Before:
        progress = commands.progress(self.config, revision)
        return Before(self.snapshot(), progress[0].rows if progress else 0)

    def _prepare(self, revision: str) -> Before:
        self.upgrade_before(revision)
        if revision in self._applied():
            raise AssertionError(f"{revision} is already applied")
        return self._before(revision)

    def _check_undone(self, before: Before, revision: str, cause: str, rolled_back: bool) -> None:
        if revision in self._applied():
            raise AssertionError(f"{revision} is applied, although {cause}")
        if not rolled_back:
            return
        self._check_unchanged(before.content, f"{revision}, although {cause},")
        if (rows := self._before(revision).rows) != before.rows:
            raise AssertionError(
                f"{revision} counts {rows} rows as done instead of {before.rows}, although {cause}"
            )

    def _upgrade_schema(self, *names: str) -> None:
        # Imported when it is needed: Alembic is an extra.
        from delembic.schema.alembic import SchemaRevisions

        if names and self.config.alembic_config:
            schema = SchemaRevisions(
                self.config.alembic_config, self.config.section, self.config.root
            )
            with self.connection() as conn:
                schema.upgrade(conn, names)


def _stage_before(moment: Moment) -> Moment | None:
    """Return where a migration in batches has to stop, for the fault to strike right after it.

    What it has done until then stays, and is not taken for what the fault has left behind.
    """
    if moment.phase == "validate":
        return Moment("validate")
    return Moment("between", batch=moment.batch) if moment.batch > 1 else None


def refuse_missed(revision: str, error: MigrationFailedError) -> None:
    """Raise an `AssertionError` if the moment of a fault never came."""
    if isinstance(error.__cause__, MomentNeverCameError):
        facts = f"{revision}: {error.__cause__}"
        raise AssertionError(facts) from error  # noqa: TRY004 - as above
