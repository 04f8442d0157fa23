"""A project as a component, for users of ``dg``: YAML in place of Python."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    Component,
    ComponentLoadContext,
    Definitions,
    ExecutorDefinition,
    Model,
    ResolutionContext,
    Resolvable,
    Resolver,
    ScheduleDefinition,
    in_process_executor,
    multiprocess_executor,
    scaffold_with,
)
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import ConfigDict

from delembic import ConfigurationError
from delembic_dagster.assets import Body, Mode
from delembic_dagster.component.attributes import OpAttributes, ScheduleAttributes
from delembic_dagster.component.scaffolder import DelembicProjectComponentScaffolder
from delembic_dagster.definitions import build_delembic_defs
from delembic_dagster.jobs import DEFAULT_NAME
from delembic_dagster.project import DelembicProject
from delembic_dagster.resource import DelembicResource, Result
from delembic_dagster.schedules import build_schedule_from_delembic_selection
from delembic_dagster.translation.selection import pending_of
from delembic_dagster.translation.specs import get_asset_key_for_revision
from delembic_dagster.translation.translator import (
    DagsterDelembicTranslator,
    DelembicTranslatorData,
)

_EXECUTORS = {"in_process": in_process_executor, "multiprocess": multiprocess_executor}


def _resolve_project(context: ResolutionContext, path: str) -> Path:
    return context.resolve_source_relative_path(path)


def _resolve_executor(_context: ResolutionContext, name: str) -> ExecutorDefinition:
    if name not in _EXECUTORS:
        raise ConfigurationError(
            f"There is no executor {name!r}.",
            f"Choose {' or '.join(_EXECUTORS)}, or a template variable that holds another one.",
        )
    return _EXECUTORS[name]


def _template_variables(data: DelembicTranslatorData) -> dict[str, Any]:
    return {"migration": data.revision}


@scaffold_with(DelembicProjectComponentScaffolder)
class DelembicProjectComponent(Component, Resolvable, Model):
    """Shows the data migrations of a delembic project as assets, with the job that applies them.

    `dg scaffold defs delembic_dagster.DelembicProjectComponent NAME` writes the `defs.yaml` that
    shows a project. `--project-path` is the folder that holds `delembic.ini`, if that is not the
    Dagster project's own, and `--init true` begins a project there if there is none yet.

    Example:
        >>> from dagster.components.testing.utils import component_defs
        >>> component = DelembicProjectComponent(project="example_project", job_name="load")
        >>> component_defs(component=component).resolve_job_def("load").name
        'load'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    project: Annotated[
        Path,
        Resolver(
            _resolve_project,
            model_field_type=str,
            description="The folder that holds delembic.ini, or the ini itself. A relative one is"
            " relative to this file.",
            examples=["{{ context.project_root }}", "{{ context.project_root }}/warehouse"],
        ),
    ]
    section: Annotated[
        str,
        Resolver.default(
            description="Which section of the ini to use.",
            examples=["production", "{{ env('DELEMBIC_SECTION', 'delembic') }}"],
        ),
    ] = "delembic"
    mode: Annotated[
        Mode,
        Resolver.default(
            description="How migrations become ops. per_migration: one for each, so that each has"
            " a state, a log and retries of its own. single_step: one that runs all of them, for"
            " thousands of migrations.",
            examples=["single_step"],
        ),
    ] = "per_migration"
    select: Annotated[
        str | list[str] | None,
        Resolver.default(
            description="Which migrations to show: revisions, tag:NAME, tag:NAME=VALUE,"
            " upto:REVISION. All of them if not set.",
            examples=["tag:domain=design", ["D001", "tag:nightly"]],
        ),
    ] = None
    translation: Annotated[
        Annotated[
            TranslationFn[DelembicTranslatorData],
            TranslationFnResolver[DelembicTranslatorData](_template_variables),
        ]
        | None,
        Resolver.default(
            description="What to change about the assets: group_name, tags, owners, metadata, key,"
            " key_prefix, kinds and so on. Templates know the `migration` and its `spec`.",
            examples=[{"group_name": "{{ migration.tags.domain }}", "key_prefix": "warehouse"}],
        ),
    ] = None
    op: Annotated[
        OpAttributes | None,
        Resolver.default(
            description="What applies to every op: pool, tags, retry_policy.",
            examples=[{"pool": "warehouse", "retry_policy": {"max_retries": 2}}],
        ),
    ] = None
    job_name: Annotated[
        str, Resolver.default(description="The name of the job that runs what is shown.")
    ] = DEFAULT_NAME
    executor: Annotated[
        ExecutorDefinition,
        Resolver(
            _resolve_executor,
            model_field_type=str,
            description="How the job's steps are executed: in_process or multiprocess, or a"
            " template variable that holds another executor.",
            examples=["multiprocess", "{{ celery }}"],
        ),
    ] = in_process_executor
    schedule: Annotated[
        ScheduleAttributes | str | None,
        Resolver.default(
            description="When the job runs by itself, in cron's notation, or a mapping with cron"
            " and more; never if not set. A tick that finds nothing pending starts no run.",
            examples=["0 5 * * *", {"cron": "0 5 * * *", "timezone": "Europe/Berlin"}],
        ),
    ] = None
    sensors: Annotated[
        bool,
        Resolver.default(
            description="Whether there are sensors: one that asks for a run when there are new"
            " migrations, and one that shows what was run outside of Dagster.",
        ),
    ] = True
    validation_checks: Annotated[
        bool,
        Resolver.default(
            description="Whether each migration with a validate has the check still_valid, which"
            " runs it again on committed data, and there is a job that evaluates them all.",
        ),
    ] = True
    validation_cron: Annotated[
        str | None,
        Resolver.default(
            description="When that job runs by itself; never if not set.",
            examples=["0 * * * *"],
        ),
    ] = None

    @cached_property
    def delembic_project(self) -> DelembicProject:
        """The project that is shown."""
        return DelembicProject(self.project, self.section)

    @cached_property
    def translator(self) -> DagsterDelembicTranslator:
        """What makes the assets: `get_asset_spec`, and then the YAML's ``translation``."""
        return _ComponentTranslator(self)

    def asset_key_for_revision(self, revision: str) -> AssetKey:
        """Return the key of the asset that stands for a migration.

        Args:
            revision: Which; the component need not show it.

        Raises:
            UnknownRevisionError: The project has no such revision.
        """
        return get_asset_key_for_revision(
            self.delembic_project, revision, translator=self.translator
        )

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        """Return the asset that stands for a migration, before the YAML's ``translation``.

        Override it to have something about all components of a class.

        Args:
            data: What is known of the migration.
        """
        return DagsterDelembicTranslator().get_asset_spec(data)

    def execute(
        self, context: AssetExecutionContext, delembic: DelembicResource
    ) -> Iterator[Result]:
        """Run the migration, or the migrations, that a step stands for; yield the results.

        Override it to do something before or after:
        ``yield from super().execute(context, delembic)`` is the step's own work.

        Args:
            context: Of the step.
            delembic: Runs migrations of this project.

        Raises:
            Failure: A migration did not take effect.
        """
        yield from delembic.upgrade(context)

    def build_defs(self, context: ComponentLoadContext) -> Definitions:
        """Return all that there is of the project. No database is opened.

        Raises:
            DefinitionError: Something is wrong with the migrations' files, the selection or the
                translation.
            ConfigurationError: Something is wrong with a setting or with ``delembic.ini``.
        """
        defs = self._build()
        settings = self.schedule
        if settings is None:
            return defs
        if isinstance(settings, str):
            settings = ScheduleAttributes(cron=settings)
        schedule = self._schedule(defs, settings)
        return Definitions.merge(defs, Definitions(schedules=[schedule]))

    def _build(self) -> Definitions:
        """Say in the words of `build_delembic_defs` what the settings ask for."""
        op = self.op or OpAttributes()
        return build_delembic_defs(
            self.delembic_project,
            translator=self.translator,
            mode=self.mode,
            select=self.select,
            job_name=self.job_name,
            executor_def=self.executor,
            pool=op.pool,
            retry_policy=op.retry_policy.policy() if op.retry_policy else None,
            op_tags=op.tags,
            sensors=self.sensors,
            validation_checks=self.validation_checks,
            validation_cron=self.validation_cron,
            body=self._body(),
            default_executor=False,
        )

    def _body(self) -> Body | None:
        """Return what a subclass wants its steps to do, if it does."""
        overridden = type(self).execute is not DelembicProjectComponent.execute
        return self.execute if overridden else None

    def _schedule(self, defs: Definitions, settings: ScheduleAttributes) -> ScheduleDefinition:
        return build_schedule_from_delembic_selection(
            self.delembic_project,
            settings.cron,
            pending_of(self.select) if settings.selection is None else settings.selection,
            job=next(job for job in defs.jobs or () if job.name == self.job_name),
            name=settings.name,
            translator=self.translator,
            execution_timezone=settings.timezone,
            default_status=settings.status,
        )


class _ComponentTranslator(DagsterDelembicTranslator):
    """Asks a component, and lets its YAML have the last word.

    Args:
        component: Whose migrations.
    """

    def __init__(self, component: DelembicProjectComponent) -> None:
        self._component = component

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        """Return the asset that stands for a migration."""
        spec = self._component.get_asset_spec(data)
        translation = self._component.translation
        return translation(spec, data) if translation else spec
