"""Migrations run from the body of an op or asset of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import AssetCheckKey, AssetKey, AssetMaterialization, ConfigurableResource
from pydantic import Field

from delembic import State, commands
from delembic_dagster.project import DelembicProject
from delembic_dagster.specs import translate
from delembic_dagster.step import AssetResult, Context, Step, run_in_asset, run_in_op
from delembic_dagster.targets import AssetTargets
from delembic_dagster.translator import DagsterDelembicTranslator

Result = AssetResult | AssetMaterialization


class DelembicResource(ConfigurableResource[Any]):
    """Runs migrations from a body of your own.

    In an asset, results belong to the assets and checks that it defines for migrations (see
    `build_delembic_asset_specs`). In an op they are materialisations, one for each migration that
    was run; give the op ``out=Out(Nothing)``, as it returns nothing.

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

    project: str = Field(description="The folder that holds delembic.ini, or the ini itself.")
    section: str = Field(default="delembic", description="Which section of the ini to use.")
    lock_timeout_seconds: float | None = Field(
        default=None,
        description="How long to wait for another runner; 0 gives up at once. The ini tells if"
        " this is not set.",
    )

    def __init__(self, project: DelembicProject | str | Path, **data: Any) -> None:
        if isinstance(project, DelembicProject):
            data.setdefault("section", project.section)
            project = project.path
        # An EnvVar is a str too, and has to stay one until Dagster reads the variable.
        data["project"] = str(project) if isinstance(project, Path) else project
        super().__init__(**data)

    def upgrade(
        self, context: Context, *, translator: DagsterDelembicTranslator | None = None
    ) -> Iterator[Result]:
        """Run what is pending, in order, until one does not succeed; yield as each one ends.

        In an asset, the migrations are those that it defines and that are selected.

        Args:
            context: Of the op or asset.
            translator: Names the assets when this is called in an op; an asset knows its own.

        Raises:
            Failure: A migration did not take effect; those before it have.
            DelembicError: It could not begin.
        """
        project = self._project()
        if context.has_assets_def:
            targets = AssetTargets(context)
            for revision in targets.selected_revisions(project.graph):
                yield from self._run_in_asset(context, project, targets, revision)
            return
        translated = translate(project, translator)
        for standing in commands.history(project.config):
            if standing.has_file and standing.state != State.APPLIED:
                key = translated[standing.revision].spec.key
                yield from run_in_op(context, self._step(project, standing.revision, key))

    def apply(
        self,
        context: Context,
        revision: str,
        *,
        translator: DagsterDelembicTranslator | None = None,
    ) -> Iterator[Result]:
        """Run one migration and nothing else, unless it is applied already; yield its results.

        Args:
            context: Of the op or asset. In an asset that defines none of the project's migrations
                but has one key, the results belong to that.
            revision: Which one.
            translator: Names the asset when this is called in an op; an asset knows its own.

        Raises:
            Failure: It did not take effect.
            DelembicError: It could not begin.
        """
        project = self._project()
        project.graph.resolve(revision)
        if context.has_assets_def:
            yield from self._run_in_asset(context, project, AssetTargets(context), revision)
        else:
            key = translate(project, translator)[revision].spec.key
            yield from run_in_op(context, self._step(project, revision, key))

    def _run_in_asset(
        self, context: Context, project: DelembicProject, targets: AssetTargets, revision: str
    ) -> Iterator[AssetResult]:
        key = targets.key(revision)
        step = self._step(project, revision, key, targets.check(key))
        yield from run_in_asset(context, step)

    def _step(
        self,
        project: DelembicProject,
        revision: str,
        key: AssetKey,
        check: AssetCheckKey | None = None,
    ) -> Step:
        return Step(project, project.graph[revision], key, check, self.lock_timeout_seconds)

    def _project(self) -> DelembicProject:
        return DelembicProject(self.project, self.section)
