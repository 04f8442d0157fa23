"""A resource that runs migrations from the body of a user's op or asset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dagster import AssetMaterialization, ConfigurableResource, InitResourceContext
from pydantic import Field, PrivateAttr

from delembic_dagster.project import DelembicProject
from delembic_dagster.steps.batch import run_steps
from delembic_dagster.steps.pending import find_pending
from delembic_dagster.steps.session import Context, RunSession, open_run_session, run_id_of
from delembic_dagster.steps.step import AssetResult, Step, report_checks, run_in_asset, run_in_op
from delembic_dagster.steps.targets import AssetTargets
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.selection import PENDING, Selection, split_pending
from delembic_dagster.translation.translated import Translated
from delembic_dagster.translation.translator import DagsterDelembicTranslator

Result = AssetResult | AssetMaterialization


class DelembicResource(ConfigurableResource[Any]):
    """Runs migrations from the body of your own op or asset.

    In an asset, the results belong to the assets and checks that it defines for migrations (see
    `build_delembic_asset_specs`). In an op, the results are materializations, one for each
    migration that was run; give the op ``out=Out(Nothing)``, because it returns nothing.

    Example:
        >>> from dagster import Nothing, Out, job, op
        >>> @op(out=Out(Nothing))
        ... def migrate(context, delembic: DelembicResource):
        ...     yield from delembic.upgrade(context)
        >>> resource = DelembicResource(project=DelembicProject("example_project"))
        >>> @job(resource_defs={"delembic": resource})
        ... def nightly():
        ...     migrate()
    """

    project: str = Field(
        description="The folder that contains delembic.ini, or the ini file itself."
    )
    section: str = Field(default="delembic", description="The section of the ini file to use.")
    lock_timeout_seconds: float | None = Field(
        default=None,
        description="How long to wait for another run that holds the lock; 0 gives up at once. If"
        " not set, the ini file decides.",
    )
    _open: ExitStack | None = PrivateAttr(default=None)
    _session: RunSession | None = PrivateAttr(default=None)

    def __init__(self, project: DelembicProject | str | Path, **data: Any) -> None:
        if isinstance(project, DelembicProject):
            data.setdefault("section", project.section)
            project = project.path
        # An EnvVar is a str too, and has to stay an EnvVar until Dagster reads the variable.
        data["project"] = str(project) if isinstance(project, Path) else project
        super().__init__(**data)

    @classmethod
    def sharing(cls, session: RunSession) -> DelembicResource:
        """Return a resource that runs migrations in a session that the caller has opened."""
        resource = cls(session.project)
        resource._session = session
        return resource

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Called by Dagster before the first step of a process."""
        self._open = ExitStack()

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Called by Dagster after the last step of a process; closes the database."""
        if self._open:
            self._open.close()
        self._open = self._session = None

    def upgrade(
        self,
        context: Context,
        *,
        select: Selection | None = None,
        translator: DagsterDelembicTranslator | None = None,
    ) -> Iterator[Result]:
        """Run what is pending, in order, and yield the results of each migration as it ends.

        If a migration fails, those that depend on it are not run; the others are. Nothing is run
        until the results are consumed: ``yield from`` them.

        Args:
            context: The context of the op or asset.
            select: The migrations that an op runs: revisions, ``tag:NAME``, ``tag:NAME=VALUE``,
                ``upto:REVISION``; ``pending`` means all of them. An asset runs the migrations that
                it defines and that are selected in Dagster.
            translator: Names the assets if this is called in an op; an asset has its own keys.

        Raises:
            Failure: Not all migrations took effect.
            DelembicError: The upgrade could not begin.
        """
        with self._opened(context) as session:
            project = session.project
            if context.has_assets_def:
                targets = AssetTargets(context, project.graph)
                yield from report_checks(context, project, targets.only_checked())
                yield from run_steps(context, session, targets.selected(), run_in_asset)
            else:
                # Only pending migrations are run in any case.
                parts, _ = split_pending(PENDING if select is None else select)
                migrations = Migrations.of(project, translator, parts)
                pending = find_pending(migrations).revisions
                steps = [_step(migrations[id_]) for id_ in pending]
                yield from run_steps(context, session, steps, run_in_op)

    def apply(
        self,
        context: Context,
        revision: str,
        *,
        translator: DagsterDelembicTranslator | None = None,
    ) -> Iterator[Result]:
        """Run one migration and nothing else, unless it is already applied; yield its results.

        As with `upgrade`, nothing is run until the results are consumed.

        Args:
            context: The context of the op or asset. In an asset that defines none of the project's
                migrations but has a single key, the results belong to that key.
            revision: The migration.
            translator: Names the asset if this is called in an op; an asset has its own key.

        Raises:
            Failure: The migration did not take effect.
            DelembicError: The migration could not begin.
        """
        with self._opened(context) as session:
            graph = session.project.graph
            graph.require(revision)
            if context.has_assets_def:
                yield from run_in_asset(
                    context, session, AssetTargets(context, graph).step(revision)
                )
            else:
                migrations = Migrations.of(session.project, translator)
                yield from run_in_op(context, session, _step(migrations[revision]))

    @contextmanager
    def _opened(self, context: Context) -> Iterator[RunSession]:
        """Yield the session of this process, or one for this call if Dagster has set up none."""
        with ExitStack() as for_this_call:
            if self._session is None:
                project = DelembicProject(self.project, self.section)
                stack = self._open or for_this_call
                session = stack.enter_context(
                    open_run_session(project, run_id_of(context), self.lock_timeout_seconds)
                )
                self._session = session if self._open else None
            else:
                session = self._session
            yield session


def _step(item: Translated) -> Step:
    stop_after = item.settings.stop_after_seconds
    return Step(item.revision, item.spec.key, stop_after_seconds=stop_after)
