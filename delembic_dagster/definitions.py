"""A whole code location in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import (
    Definitions,
    ExecutorDefinition,
    RetryPolicy,
    ScheduleDefinition,
    in_process_executor,
)

from delembic_dagster.assets import Body, Mode, build_delembic_assets
from delembic_dagster.jobs import DEFAULT_NAME, AssetJob, build_delembic_job
from delembic_dagster.project import DelembicProject
from delembic_dagster.schedules import build_schedule_from_delembic_selection
from delembic_dagster.selection import PENDING, Selection
from delembic_dagster.translator import DagsterDelembicTranslator


def build_delembic_defs(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    mode: Mode = "per_migration",
    select: Selection | None = None,
    cron: str | None = None,
    job_name: str = DEFAULT_NAME,
    executor_def: ExecutorDefinition = in_process_executor,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    body: Body | None = None,
) -> Definitions:
    """Return a project's assets and the job that runs them, and a schedule if asked for.

    Nothing here opens the database or imports a migration: a code location loads while the
    database is down.

    Args:
        project: Whose migrations.
        translator: How they look.
        mode: See `build_delembic_assets`, as for all that is not described here.
        select: Which of them: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        cron: When to run what is pending, in cron's notation; no schedule if ``None``.
        job_name: The job's name.
        executor_def: How the job's steps are executed, by default all in one process.
        pool: A pool for the ops.
        retry_policy: What to do about a migration that failed.
        op_tags: Tags for the ops.
        body: What each step does in place of its own work.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``, or there is no such mode.

    Example:
        >>> defs = build_delembic_defs(DelembicProject("example_project"), cron="0 5 * * *")
        >>> [schedule.name for schedule in defs.schedules]
        ['delembic_upgrade_schedule']
    """
    assets = build_delembic_assets(
        project,
        translator=translator,
        mode=mode,
        select=select,
        pool=pool,
        retry_policy=retry_policy,
        op_tags=op_tags,
        body=body,
    )
    job = build_delembic_job(
        project, name=job_name, translator=translator, select=select, executor_def=executor_def
    )
    schedules = [_schedule(project, cron, job, translator, select)] if cron else []
    return Definitions(assets=assets, jobs=[job], schedules=schedules)


def _schedule(
    project: DelembicProject,
    cron: str,
    job: AssetJob,
    translator: DagsterDelembicTranslator | None,
    select: Selection | None,
) -> ScheduleDefinition:
    selected = [select] if isinstance(select, str) else [*(select or [])]
    return build_schedule_from_delembic_selection(
        project, cron, [*selected, PENDING], job=job, translator=translator
    )
