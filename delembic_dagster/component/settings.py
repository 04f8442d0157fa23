"""The settings of a component in its YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from dagster import (
    ExecutorDefinition,
    HookDefinition,
    Model,
    ResolutionContext,
    Resolvable,
    Resolver,
    in_process_executor,
    multiprocess_executor,
)
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import ConfigDict, InstanceOf

from delembic import ConfigurationError
from delembic_dagster.assets import Mode
from delembic_dagster.component.attributes import (
    CronAttributes,
    OpAttributes,
    ScheduleAttributes,
    Statuses,
)
from delembic_dagster.jobs import DEFAULT_NAME
from delembic_dagster.translation.arrangement import Names
from delembic_dagster.translation.translator import DelembicTranslatorData

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


class ProjectSettings(Resolvable, Model):
    """The settings of a component; only ``project`` is required.

    Example:
        >>> ProjectSettings(project="example_project").job_name
        'delembic_upgrade'
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    project: Annotated[
        Path,
        Resolver(
            _resolve_project,
            model_field_type=str,
            description="The folder that contains delembic.ini, or the ini file itself. A relative"
            " path starts from the folder of this file.",
            examples=["{{ context.project_root }}", "{{ context.project_root }}/warehouse"],
        ),
    ]
    section: Annotated[
        str,
        Resolver.default(
            description="The section of the ini file to use.",
            examples=["production", "{{ env('DELEMBIC_SECTION', 'delembic') }}"],
        ),
    ] = "delembic"
    mode: Annotated[
        Mode,
        Resolver.default(
            description="How migrations become ops. per_migration: one op for each migration, with"
            " its own state, log and retries. single_step: one op that runs all migrations, for"
            " projects with thousands of them.",
            examples=["single_step"],
        ),
    ] = "per_migration"
    select: Annotated[
        str | list[str] | None,
        Resolver.default(
            description="The migrations to include: revisions, tag:NAME, tag:NAME=VALUE,"
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
            description="Changes to the assets: group_name, tags, owners, metadata, key,"
            " key_prefix, kinds and so on. Templates can use the `migration` and its `spec`.",
            examples=[{"group_name": "{{ migration.tags.domain }}", "key_prefix": "warehouse"}],
        ),
    ] = None
    names: Annotated[
        Names | None,
        Resolver.default(
            description="What the last part of the asset keys is: revision, or file for the name of"
            " the migration's file.",
            examples=["file"],
        ),
    ] = None
    key_prefix: Annotated[
        str | list[str] | None,
        Resolver.default(
            description="One or several parts in front of all asset keys, those of Alembic's"
            " revisions included.",
            examples=["warehouse"],
        ),
    ] = None
    group_name: Annotated[
        str | None,
        Resolver.default(
            description="The group of all migrations; each is in the group that it names if not"
            " set.",
            examples=["migrations"],
        ),
    ] = None
    schema_assets: Annotated[
        bool,
        Resolver.default(
            description="Whether the revisions of Alembic that migrations wait for are external"
            " assets.",
        ),
    ] = True
    op: Annotated[
        OpAttributes | None,
        Resolver.default(
            description="Settings for every op: pool, tags, retry_policy.",
            examples=[{"pool": "warehouse", "retry_policy": {"max_retries": 2}}],
        ),
    ] = None
    job_name: Annotated[
        str, Resolver.default(description="The name of the job that runs the migrations.")
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
    tags: Annotated[
        dict[str, Any] | None,
        Resolver.default(
            description="Tags of the job and of each of its runs.",
            examples=[{"dagster/max_retries": "2"}],
        ),
    ] = None
    hooks: Annotated[
        InstanceOf[HookDefinition] | list[InstanceOf[HookDefinition]] | None,
        Resolver.default(
            model_field_type=str | list[str],
            description="Hooks for each step of the job: a template variable that holds one, or"
            " several.",
            examples=["{{ alert }}"],
        ),
    ] = None
    schedule: Annotated[
        ScheduleAttributes | str | list[str] | None,
        Resolver.default(
            description="When the job runs on its own: a cron expression, several, or a mapping"
            " with cron and other settings; never if not set. A tick that finds nothing pending"
            " starts no run.",
            examples=["0 5 * * *", {"cron": "0 5 * * *", "timezone": "Europe/Berlin"}],
        ),
    ] = None
    sensors: Annotated[
        bool,
        Resolver.default(
            description="Whether to define two sensors: one requests a run when there are new"
            " migrations, the other reports what was run outside of Dagster.",
        ),
    ] = True
    sensor_default_status: Annotated[
        Statuses,
        Resolver.default(
            description="The status of these sensors before anyone changes it: running or stopped."
        ),
    ] = "stopped"
    validation_checks: Annotated[
        bool,
        Resolver.default(
            description="Whether to define the check validate_again for each migration with a"
            " validate, which it runs again on committed data, and a job that evaluates all of"
            " these checks.",
        ),
    ] = True
    validation_cron: Annotated[
        CronAttributes | str | list[str] | None,
        Resolver.default(
            description="When that job runs on its own: a cron expression, several, or a mapping"
            " with cron and other settings; never if not set.",
            examples=["0 * * * *", {"cron": "0 * * * *", "timezone": "Europe/Berlin"}],
        ),
    ] = None
    validation_fails_run: Annotated[
        bool,
        Resolver.default(
            description="Whether a run of that job fails if a check does not pass.",
        ),
    ] = False
