"""Migrations as assets that Dagster can run."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dagster import AssetExecutionContext, AssetsDefinition, RetryPolicy, multi_asset

from delembic import ConfigurationError
from delembic_dagster.naming import op_name
from delembic_dagster.project import DelembicProject
from delembic_dagster.selection import Selection
from delembic_dagster.specs import Translated, translate
from delembic_dagster.step import AssetResult, Step, run_in_asset
from delembic_dagster.translator import DagsterDelembicTranslator

Mode = Literal["per_migration"]
"""How migrations become ops; ``per_migration`` is one op for each."""

Body = Callable[[AssetExecutionContext], Iterator[Any]]
"""What a step does in place of its own work, such as something of the user's around it."""


@dataclass(frozen=True, slots=True)
class _OpSettings:
    """What applies to every op alike, passed on to Dagster."""

    pool: str | None
    retry_policy: RetryPolicy | None
    op_tags: Mapping[str, Any] | None
    body: Body | None


def build_delembic_assets(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    mode: Mode = "per_migration",
    select: Selection | None = None,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    body: Body | None = None,
) -> list[AssetsDefinition]:
    """Return the project's migrations as assets, each waiting for what it depends on.

    No database is opened and no migration is imported.

    Args:
        project: Whose migrations.
        translator: How they look.
        mode: ``per_migration``: one asset and one op for each, so that each has a state, a log
            and retries of its own.
        select: Which of them: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        pool: Limits how many run at the same time in Dagster. The command line knows nothing of
            it; that is held off by delembic's own lock.
        retry_policy: What to do about a migration that failed. One that a retry cannot help is
            not tried again.
        op_tags: Tags for the ops, such as ``dagster-k8s/config``.
        body: What each step does in place of its own work, which is in its words
            ``yield from DelembicResource(project).upgrade(context)``.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``, or there is no such mode.

    Example:
        >>> assets = build_delembic_assets(DelembicProject("example_project"))
        >>> assets[0].key.to_user_string()
        'delembic/D001'
    """
    if mode != "per_migration":
        raise ConfigurationError(f"There is no mode {mode!r}.", "Choose 'per_migration'.")
    settings = _OpSettings(pool, retry_policy, op_tags, body)
    translated = translate(project, translator, select)
    return [_asset(project, item, settings) for item in translated.values()]


def _asset(project: DelembicProject, item: Translated, settings: _OpSettings) -> AssetsDefinition:
    check = item.check
    step = Step(project, item.revision, item.spec.key, check.key if check else None)

    @multi_asset(
        name=op_name(item.spec.key),
        specs=[item.spec],
        check_specs=[check] if check else None,
        pool=settings.pool,
        retry_policy=settings.retry_policy,
        op_tags=settings.op_tags,
    )
    def migration(context: AssetExecutionContext) -> Iterator[AssetResult]:
        yield from settings.body(context) if settings.body else run_in_asset(context, step)

    return migration
