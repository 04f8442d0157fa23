"""The job that runs a project's migrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from dagster import (
    AssetChecksDefinition,
    AssetSelection,
    ExecutorDefinition,
    HookDefinition,
    define_asset_job,
    in_process_executor,
)

from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.arrangement import Arrangement, KeyPrefix, Names
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translator import DagsterDelembicTranslator

DEFAULT_NAME = "delembic_upgrade"

AssetJob: TypeAlias = Any
"""What `dagster.define_asset_job` returns; Dagster has no public name for its type."""


def build_delembic_job(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    name: str = DEFAULT_NAME,
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    executor_def: ExecutorDefinition = in_process_executor,
    exclude_checks: Sequence[AssetChecksDefinition] = (),
    tags: Mapping[str, Any] | None = None,
    hooks: AbstractSet[HookDefinition] | None = None,
    names: Names | None = None,
    key_prefix: KeyPrefix | None = None,
) -> AssetJob:
    """Return a job that applies all pending migrations; applied ones are not run again.

    Args:
        project: The project.
        name: The job's name.
        translator: The translator that the assets were built with.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        executor_def: The executor of the job. By default, all steps run in one process: Dagster's
            own default starts a process for each step, which takes longer than most migrations
            do.
        exclude_checks: Checks of its assets that the job leaves out, such as those of
            `build_delembic_validation_checks`, which have a job of their own. Otherwise Dagster
            lets a job evaluate all checks of its assets.
        tags: Tags of the job and of each of its runs, such as ``dagster/max_retries``,
            ``dagster-k8s/config`` or one that a concurrency limit names.
        hooks: Hooks for each of its steps, such as those of ``@failure_hook``.
        names: As for the assets.
        key_prefix: As for the assets.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> build_delembic_job(DelembicProject("example_project")).name
        'delembic_upgrade'
    """
    return upgrade_job(
        Migrations.of(project, translator, select, Arrangement.of(names, key_prefix)),
        name=name,
        executor_def=executor_def,
        exclude_checks=exclude_checks,
        tags=tags,
        hooks=hooks,
    )


def upgrade_job(
    migrations: Migrations,
    *,
    name: str = DEFAULT_NAME,
    executor_def: ExecutorDefinition = in_process_executor,
    exclude_checks: Sequence[AssetChecksDefinition] = (),
    tags: Mapping[str, Any] | None = None,
    hooks: AbstractSet[HookDefinition] | None = None,
) -> AssetJob:
    """Return the job of `build_delembic_job` for some migrations.

    Args:
        migrations: The migrations.
        name: The job's name.
        executor_def: The executor of the job.
        exclude_checks: Checks of its assets that the job leaves out.
        tags: Tags of the job and of each of its runs.
        hooks: Hooks for each of its steps.
    """
    selection = AssetSelection.assets(*migrations.keys_of(migrations))
    return define_asset_job(
        name,
        selection=selection - AssetSelection.checks(*exclude_checks),
        description="Applies the pending data migrations in the order of depends_on.",
        executor_def=executor_def,
        tags=tags,
        hooks=hooks,
    )
