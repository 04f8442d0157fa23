"""A project as a component, for users of ``dg``: YAML instead of Python."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    Component,
    ComponentLoadContext,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    HookDefinition,
    ScheduleDefinition,
    scaffold_with,
)

from delembic_dagster.assets import Body
from delembic_dagster.component.attributes import CronAttributes, OpAttributes, ScheduleAttributes
from delembic_dagster.component.scaffolder import DelembicProjectComponentScaffolder
from delembic_dagster.component.settings import ProjectSettings
from delembic_dagster.definitions import build_delembic_defs
from delembic_dagster.project import DelembicProject
from delembic_dagster.resource import DelembicResource, Result
from delembic_dagster.schedules import build_schedule_from_delembic_selection
from delembic_dagster.translation.selection import pending_of
from delembic_dagster.translation.specs import get_asset_key_for_revision
from delembic_dagster.translation.translator import (
    DagsterDelembicTranslator,
    DelembicTranslatorData,
)


@scaffold_with(DelembicProjectComponentScaffolder)
class DelembicProjectComponent(Component, ProjectSettings):
    """Defines the data migrations of a delembic project as assets, and a job that applies them.

    `dg scaffold defs delembic_dagster.DelembicProjectComponent NAME` writes a `defs.yaml` for a
    project. `--project-path` is the folder that contains `delembic.ini`, if it is not the Dagster
    project's own folder, and `--init true` creates a project there if there is none yet.

    Example:
        >>> from dagster.components.testing.utils import component_defs
        >>> component = DelembicProjectComponent(project="example_project", job_name="load")
        >>> component_defs(component=component).resolve_job_def("load").name
        'load'
    """

    @cached_property
    def delembic_project(self) -> DelembicProject:
        """The delembic project."""
        return DelembicProject(self.project, self.section)

    @cached_property
    def translator(self) -> DagsterDelembicTranslator:
        """The translator that applies `get_asset_spec`, and then the YAML's ``translation``."""
        return _ComponentTranslator(self)

    def asset_key_for_revision(self, revision: str) -> AssetKey:
        """Return the asset key of a migration.

        Args:
            revision: The migration; the component need not include it.

        Raises:
            UnknownRevisionError: The project has no such revision.
        """
        return get_asset_key_for_revision(
            self.delembic_project, revision, translator=self.translator
        )

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        """Return the asset for a migration, before the YAML's ``translation`` is applied.

        Override it to change the assets of all components of a class.

        Args:
            data: The data about the migration.
        """
        return DagsterDelembicTranslator().get_asset_spec(data)

    def execute(
        self, context: AssetExecutionContext, delembic: DelembicResource
    ) -> Iterator[Result]:
        """Run the migration or migrations of a step, and yield the results.

        Override it to do other work before or after:
        ``yield from super().execute(context, delembic)`` runs the migrations.

        Args:
            context: The context of the step.
            delembic: The resource that runs migrations of this project.

        Raises:
            Failure: A migration did not take effect.
        """
        yield from delembic.upgrade(context)

    def build_defs(self, context: ComponentLoadContext) -> Definitions:
        """Return all definitions of the project. No database is opened.

        Raises:
            DefinitionError: Something is wrong with the migrations' files, the selection or the
                translation.
            ConfigurationError: Something is wrong with a setting or with ``delembic.ini``.
        """
        defs = self._build()
        if self.schedule is None:
            return defs
        return Definitions.merge(defs, Definitions(schedules=[self._schedule(defs, self.schedule)]))

    def _build(self) -> Definitions:
        """Call `build_delembic_defs` with the settings."""
        op, again = self.op or OpAttributes(), self.validation_cron
        if isinstance(again, str | list):
            again = CronAttributes(cron=again)
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
            tags=self.tags,
            hooks={self.hooks} if isinstance(self.hooks, HookDefinition) else {*(self.hooks or ())},
            sensors=self.sensors,
            sensor_default_status=DefaultSensorStatus[self.sensor_default_status.upper()],
            validation_checks=self.validation_checks,
            validation_cron=again.cron if again else None,
            validation_fails_run=self.validation_fails_run,
            execution_timezone=again.timezone if again else None,
            schedule_default_status=again.status if again else DefaultScheduleStatus.STOPPED,
            body=self._body(),
            default_executor=False,
        )

    def _body(self) -> Body | None:
        """Return the `execute` of a subclass, if it overrides it."""
        overridden = type(self).execute is not DelembicProjectComponent.execute
        return self.execute if overridden else None

    def _schedule(
        self, defs: Definitions, times: ScheduleAttributes | str | list[str]
    ) -> ScheduleDefinition:
        if not isinstance(times, ScheduleAttributes):
            times = ScheduleAttributes(cron=times)
        return build_schedule_from_delembic_selection(
            self.delembic_project,
            times.cron,
            pending_of(self.select) if times.selection is None else times.selection,
            job=next(job for job in defs.jobs or () if job.name == self.job_name),
            name=times.name,
            translator=self.translator,
            execution_timezone=times.timezone,
            default_status=times.status,
        )


class _ComponentTranslator(DagsterDelembicTranslator):
    """Calls a component's `get_asset_spec`, then applies its YAML's ``translation``.

    Args:
        component: The component.
    """

    def __init__(self, component: DelembicProjectComponent) -> None:
        super().__init__(
            names=component.names,
            key_prefix=component.key_prefix,
            group_name=component.group_name,
            schema_assets=component.schema_assets,
        )
        self._component = component

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        """Return the asset for a migration."""
        spec = self._component.get_asset_spec(data)
        translation = self._component.translation
        return translation(spec, data) if translation else spec
