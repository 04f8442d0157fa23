"""A whole code location in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import (
    DefaultSensorStatus,
    Definitions,
    ExecutorDefinition,
    RetryPolicy,
    ScheduleDefinition,
    SensorDefinition,
    in_process_executor,
)

from delembic import ConfigurationError
from delembic_dagster.assets import STEP_NAME, Body, Mode, build_delembic_assets
from delembic_dagster.checks import (
    CHECK_NAME,
    VALIDATION_JOB_NAME,
    build_delembic_validation_checks,
    build_delembic_validation_job,
    build_delembic_validation_schedule,
)
from delembic_dagster.jobs import DEFAULT_NAME, AssetJob, build_delembic_job
from delembic_dagster.project import DelembicProject
from delembic_dagster.schedules import build_schedule_from_delembic_selection
from delembic_dagster.sensors.pending import build_delembic_pending_sensor
from delembic_dagster.sensors.run_history import build_delembic_run_history_sensor
from delembic_dagster.translation.schema_assets import build_delembic_schema_asset_specs
from delembic_dagster.translation.selection import Selection, pending_of
from delembic_dagster.translation.translator import DagsterDelembicTranslator


def build_delembic_defs(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    mode: Mode = "per_migration",
    select: Selection | None = None,
    cron: str | None = None,
    sensors: bool = True,
    sensor_default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    job_name: str = DEFAULT_NAME,
    executor_def: ExecutorDefinition = in_process_executor,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    validation_checks: bool = True,
    validation_cron: str | None = None,
    body: Body | None = None,
    default_executor: bool = True,
) -> Definitions:
    """Return all of a project: assets, checks, jobs, sensors, and schedules if asked for.

    The sensors are those of `build_delembic_pending_sensor` and
    `build_delembic_run_history_sensor`. Alembic's revisions that migrations wait for are external
    assets.

    Nothing here opens the database or imports a migration: a code location loads while the
    database is down.

    Args:
        project: Whose migrations.
        translator: How they look.
        mode: See `build_delembic_assets`, as for all that is not described here.
        select: Which of them: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        cron: When to run what is pending, in cron's notation; no schedule if ``None``.
        sensors: Whether there are sensors.
        sensor_default_status: Whether they run before somebody has switched them on.
        job_name: The job's name; those of sensors, schedule and steps of several migrations begin
            with it. Two projects in one code location need two.
        executor_def: How the job's steps are executed, by default all in one process.
        pool: A pool for the ops.
        retry_policy: What to do about a migration that failed.
        op_tags: Tags for the ops.
        validation_checks: Whether each migration with a ``validate`` has the check
            ``still_valid`` besides, which runs it again on committed data, and the definitions
            have the job ``delembic_verify``, which evaluates them all. If the job has another
            name, so has that one: ``JOB_verify``.
        validation_cron: When to do that, in cron's notation; no schedule if ``None``.
        body: What each step does in place of its own work.
        default_executor: Whether what is materialized by hand, outside of the job, is executed as
            the job is. Say ``False`` where these definitions are merged with those of others, whose
            assets it would concern too.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``, there is no such mode, or
            ``validation_cron`` is set without ``validation_checks``.

    Example:
        >>> defs = build_delembic_defs(DelembicProject("example_project"), cron="0 5 * * *")
        >>> [schedule.name for schedule in defs.schedules]
        ['delembic_upgrade_schedule']
    """
    if validation_cron and not validation_checks:
        raise ConfigurationError(
            "validation_cron is set, and there are no checks for it to run.",
            "Leave out validation_cron, or validation_checks=False.",
        )
    names = _Names(job_name)
    assets = build_delembic_assets(
        project,
        translator=translator,
        mode=mode,
        select=select,
        pool=pool,
        retry_policy=retry_policy,
        op_tags=op_tags,
        name=names.migrations,
        body=body,
    )
    checks = (
        build_delembic_validation_checks(
            project, translator=translator, select=select, name=names.checks
        )
        if validation_checks
        else []
    )
    job = build_delembic_job(
        project,
        name=job_name,
        translator=translator,
        select=select,
        executor_def=executor_def,
        exclude_checks=checks,
    )
    jobs = [job]
    schedules = [_schedule(project, cron, job, translator, select)] if cron else []
    if checks:
        verify = build_delembic_validation_job(
            project,
            checks=checks,
            name=names.validation_job,
        )
        jobs += [verify]
        if validation_cron:
            schedules += [build_delembic_validation_schedule(project, validation_cron, job=verify)]
    shown = _sensors(project, job, translator, select, sensor_default_status) if sensors else []
    return Definitions(
        assets=[*assets, *build_delembic_schema_asset_specs(project, select=select)],
        asset_checks=checks,
        jobs=jobs,
        schedules=schedules,
        sensors=shown,
        executor=executor_def if default_executor else None,
    )


class _Names:
    """Names that the definitions of another job, in the same code location, do not have.

    Args:
        job_name: What the job is called; by default all names are the usual ones.
    """

    def __init__(self, job_name: str) -> None:
        usual = job_name == DEFAULT_NAME
        self.migrations = STEP_NAME if usual else f"{job_name}_migrations"
        self.checks = None if usual else f"{job_name}_{CHECK_NAME}"
        self.validation_job = VALIDATION_JOB_NAME if usual else f"{job_name}_verify"


def _sensors(
    project: DelembicProject,
    job: AssetJob,
    translator: DagsterDelembicTranslator | None,
    select: Selection | None,
    default_status: DefaultSensorStatus,
) -> list[SensorDefinition]:
    pending = build_delembic_pending_sensor(
        project, job=job, translator=translator, select=select, default_status=default_status
    )
    run_history = build_delembic_run_history_sensor(
        project,
        name=f"{job.name}_run_history_sensor",
        translator=translator,
        select=select,
        default_status=default_status,
    )
    return [pending, run_history]


def _schedule(
    project: DelembicProject,
    cron: str,
    job: AssetJob,
    translator: DagsterDelembicTranslator | None,
    select: Selection | None,
) -> ScheduleDefinition:
    return build_schedule_from_delembic_selection(
        project, cron, pending_of(select), job=job, translator=translator
    )
