"""The definitions of a whole code location, in one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetChecksDefinition,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    ExecutorDefinition,
    HookDefinition,
    RetryPolicy,
    ScheduleDefinition,
    SensorDefinition,
    in_process_executor,
)

from delembic import ConfigurationError
from delembic_dagster.assets import STEP_NAME, Body, Mode, migration_assets
from delembic_dagster.checks import (
    CHECK_NAME,
    VALIDATION_JOB_NAME,
    build_delembic_validation_schedule,
    committed_checks,
    validation_job,
)
from delembic_dagster.jobs import DEFAULT_NAME, AssetJob, upgrade_job
from delembic_dagster.project import DelembicProject
from delembic_dagster.schedules import selection_schedule
from delembic_dagster.sensors.pending import pending_sensor
from delembic_dagster.sensors.run_history import run_history_sensor
from delembic_dagster.translation.arrangement import Arrangement, KeyPrefix, Names
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.schema_assets import schema_asset_specs
from delembic_dagster.translation.selection import Selection, pending_of
from delembic_dagster.translation.translator import DagsterDelembicTranslator


def build_delembic_defs(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    mode: Mode = "per_migration",
    select: Selection | None = None,
    cron: str | Sequence[str] | None = None,
    execution_timezone: str | None = None,
    schedule_default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
    sensors: bool = True,
    sensor_default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    job_name: str = DEFAULT_NAME,
    executor_def: ExecutorDefinition = in_process_executor,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    hooks: AbstractSet[HookDefinition] | None = None,
    names: Names | None = None,
    key_prefix: KeyPrefix | None = None,
    group_name: str | None = None,
    schema_assets: bool | None = None,
    validation_checks: bool = True,
    validation_cron: str | Sequence[str] | None = None,
    validation_fails_run: bool = False,
    body: Body | None = None,
    default_executor: bool = True,
) -> Definitions:
    """Return all definitions of a project: assets, checks, jobs, sensors and optional schedules.

    The sensors are those of `build_delembic_pending_sensor` and
    `build_delembic_run_history_sensor`. Alembic's revisions that migrations wait for are external
    assets.

    No database is opened and no migration is imported: a code location loads while the database is
    down.

    Args:
        project: The project.
        translator: Defines how the migrations look in Dagster.
        mode: ``per_migration`` or ``single_step``; see `build_delembic_assets`.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        cron: A cron expression, or several, for when to run what is pending; no schedule if
            ``None``.
        execution_timezone: The time zone of ``cron`` and ``validation_cron``, such as
            ``Europe/Berlin``.
        schedule_default_status: Whether the schedules are running or stopped before anyone changes
            it.
        sensors: Whether to define the sensors.
        sensor_default_status: Whether the sensors are running or stopped before anyone changes it.
        job_name: The job's name; the names of the sensors, of the schedule and of steps for several
            migrations begin with it. Two projects in one code location need two job names.
        executor_def: The executor of the job; by default all steps run in one process.
        pool: A pool for the ops; see `build_delembic_assets`.
        retry_policy: How to retry a migration that failed; see `build_delembic_assets`.
        op_tags: Tags for the ops; see `build_delembic_assets`.
        tags: Tags of the job and of each of its runs; see `build_delembic_job`.
        hooks: Hooks for each step of the job; see `build_delembic_job`.
        names: What the last part of the asset keys is, and thereby the names of ops and steps:
            ``revision`` (``delembic/D007``) or ``file`` (``delembic/D007_geography_concepts``).
        key_prefix: One or several parts in front of all asset keys.
        group_name: The group of all migrations; each is in the group that it names if ``None``.
        schema_assets: Whether the revisions of Alembic that migrations wait for are external
            assets; they are unless the translator says otherwise.
        validation_checks: Whether to define the check ``validate_again`` for each migration with a
            ``validate``, which it runs again on committed data, and the job ``delembic_verify``,
            which evaluates all of these checks. With another ``job_name``, that job is named
            ``JOB_verify``.
        validation_cron: A cron expression, or several, for when to run that job; no schedule if
            ``None``.
        validation_fails_run: Whether a run of that job fails if a check does not pass.
        body: What each step runs instead of the default; see `build_delembic_assets`.
        default_executor: Whether assets that are materialized outside of the job use the job's
            executor too. Set it to ``False`` where these definitions are merged with others, whose
            assets it would also affect.

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
            "validation_cron is set, but there are no checks for it to run.",
            "Remove validation_cron, or remove validation_checks=False.",
        )
    unique = _Names(job_name)
    arrangement = Arrangement.of(names, key_prefix, group_name, schema_assets)
    migrations = Migrations.of(project, translator, select, arrangement)
    assets = migration_assets(
        migrations,
        mode=mode,
        settings=OpSettings(pool, retry_policy, op_tags or {}),
        name=unique.migrations,
        body=body,
        committed_check=CHECK_NAME if validation_checks else None,
    )
    checks = _checks(migrations, unique, validation_fails_run) if validation_checks else []
    job = upgrade_job(
        migrations,
        name=job_name,
        executor_def=executor_def,
        exclude_checks=checks,
        tags=tags,
        hooks=hooks,
    )
    verify = [validation_job(checks, name=unique.validation_job)] if checks else []
    times = _Times(execution_timezone, schedule_default_status)
    return Definitions(
        assets=[*assets, *schema_asset_specs(migrations)],
        asset_checks=checks,
        jobs=[job, *verify],
        schedules=[
            *times.upgrades(migrations, cron, pending_of(select), job),
            *times.verifications(project, validation_cron, verify),
        ],
        sensors=_sensors(migrations, job, sensor_default_status) if sensors else [],
        executor=executor_def if default_executor else None,
    )


@dataclass(frozen=True, slots=True)
class _Times:
    """What the schedules have in common."""

    timezone: str | None
    default_status: DefaultScheduleStatus

    def upgrades(
        self,
        migrations: Migrations,
        cron: str | Sequence[str] | None,
        selection: Selection,
        job: AssetJob,
    ) -> Iterator[ScheduleDefinition]:
        if cron:
            yield selection_schedule(
                migrations,
                cron,
                selection,
                job=job,
                execution_timezone=self.timezone,
                default_status=self.default_status,
            )

    def verifications(
        self,
        project: DelembicProject,
        cron: str | Sequence[str] | None,
        jobs: Sequence[AssetJob],
    ) -> Iterator[ScheduleDefinition]:
        for job in jobs if cron else ():
            yield build_delembic_validation_schedule(
                project,
                cron or (),
                job=job,
                execution_timezone=self.timezone,
                default_status=self.default_status,
            )


class _Names:
    """Names that do not clash with those of another job's definitions in the same code location.

    Args:
        job_name: The job's name; with the default name, all names are the defaults.
    """

    def __init__(self, job_name: str) -> None:
        usual = job_name == DEFAULT_NAME
        self.migrations = STEP_NAME if usual else f"{job_name}_migrations"
        self.checks = None if usual else f"{job_name}_{CHECK_NAME}"
        self.validation_job = VALIDATION_JOB_NAME if usual else f"{job_name}_verify"


def _checks(
    migrations: Migrations,
    names: _Names,
    fail_run: bool,
) -> list[AssetChecksDefinition]:
    return committed_checks(migrations, name=names.checks, settings=OpSettings(), fail_run=fail_run)


def _sensors(
    migrations: Migrations, job: AssetJob, default_status: DefaultSensorStatus
) -> list[SensorDefinition]:
    return [
        pending_sensor(migrations, job, default_status=default_status),
        run_history_sensor(
            migrations, name=f"{job.name}_run_history_sensor", default_status=default_status
        ),
    ]
