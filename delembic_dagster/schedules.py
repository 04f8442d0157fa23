"""Schedules that run migrations."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Sequence
from dataclasses import dataclass

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
)

from delembic_dagster.demand.demand import find_demand
from delembic_dagster.demand.runs import unfinished_runs
from delembic_dagster.errors import without_causes
from delembic_dagster.jobs import AssetJob, upgrade_job
from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.selection import (
    PENDING,
    Selection,
    split_pending,
)
from delembic_dagster.translation.translator import DagsterDelembicTranslator

_NOTHING = "The selection contains no migration."


def build_schedule_from_delembic_selection(  # noqa: PLR0913 - all but two are optional, and named
    project: DelembicProject,
    cron_schedule: str | Sequence[str],
    selection: Selection = PENDING,
    *,
    job: AssetJob | None = None,
    name: str | None = None,
    translator: DagsterDelembicTranslator | None = None,
    execution_timezone: str | None = None,
    default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
) -> ScheduleDefinition:
    """Return a schedule that runs the selected migrations.

    Args:
        project: The project.
        cron_schedule: A cron expression, or several.
        selection: One or several of: a revision, ``tag:NAME``, ``tag:NAME=VALUE``,
            ``upto:REVISION``, and ``pending``. With ``pending``, each tick queries the database and
            runs only the selected migrations that are not applied; ``pending`` alone selects from
            all migrations. A tick starts no run if nothing is pending, and leaves out what a living
            runner holds or somebody has paused. What has failed, or has stopped after its time, is
            run again. With or without ``pending``, a tick starts no run while another one with
            these migrations has not ended.
        job: The job to start, with these migrations among its assets. If ``None``, the schedule
            comes with the job that `build_delembic_job` returns for the project. Pass the job if
            the definitions contain it too, because Dagster requires unique names.
        name: The schedule's name; the job's name followed by ``_schedule`` if ``None``.
        translator: The translator that the assets were built with.
        execution_timezone: The time zone of ``cron_schedule``, such as ``Europe/Berlin``.
        default_status: Whether the schedule is running or stopped before anyone changes it.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> schedule = build_schedule_from_delembic_selection(
        ...     DelembicProject("example_project"), "0 5 * * *", ["upto:D005", "pending"]
        ... )
        >>> schedule.name
        'delembic_upgrade_schedule'
    """
    migrations = Migrations.of(project, translator)
    return selection_schedule(
        migrations,
        cron_schedule,
        selection,
        job=job or upgrade_job(migrations),
        name=name,
        execution_timezone=execution_timezone,
        default_status=default_status,
    )


def selection_schedule(  # noqa: PLR0913 - three are optional, and named
    migrations: Migrations,
    cron_schedule: str | Sequence[str],
    selection: Selection,
    *,
    job: AssetJob,
    name: str | None = None,
    execution_timezone: str | None = None,
    default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
) -> ScheduleDefinition:
    """Return the schedule of `build_schedule_from_delembic_selection` for some migrations.

    Args:
        migrations: Any of the project's migrations.
        cron_schedule: A cron expression, or several.
        selection: The migrations of the project that a tick runs.
        job: The job to start.
        name: The schedule's name; the job's name followed by ``_schedule`` if ``None``.
        execution_timezone: The time zone of ``cron_schedule``.
        default_status: Whether the schedule is running or stopped before anyone changes it.

    Raises:
        DefinitionError: Something is wrong with the selection.
    """
    parts, only_pending = split_pending(selection)
    choice = _Choice(migrations.select(parts), only_pending)

    def tick(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        return choice.request(context)

    return ScheduleDefinition(
        name=name or f"{job.name}_schedule",
        cron_schedule=cron_schedule,
        job=job,
        execution_fn=tick,
        execution_timezone=execution_timezone,
        default_status=default_status,
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is known before a tick of the migrations that a schedule runs."""

    migrations: Migrations
    only_pending: bool

    def request(self, context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        return self._pending(context) if self.only_pending else self._all(context)

    def _pending(self, context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        with without_causes():
            demand = find_demand(self.migrations, context, retries_failed=True)
        if demand.reload:
            context.log.warning(demand.reload)
        return self._run(demand.ready) if demand.ready else SkipReason(demand.text)

    def _all(self, context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        runs = unfinished_runs(context, self.migrations.keys_of(self.migrations))
        if runs:
            return SkipReason(f"These migrations are in {', '.join(map(str, runs))}.")
        return self._run([*self.migrations]) if self.migrations else SkipReason(_NOTHING)

    def _run(self, revisions: Sequence[str]) -> RunRequest:
        return RunRequest(asset_selection=self.migrations.keys_of(revisions))
