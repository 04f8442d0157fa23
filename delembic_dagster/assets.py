"""Migrations as assets that Dagster can run."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    ResourceDefinition,
    RetryPolicy,
    multi_asset,
)

from delembic import ConfigurationError
from delembic_dagster.decorator import in_one_op
from delembic_dagster.errors import quiet_about_betas
from delembic_dagster.naming import op_name
from delembic_dagster.project import DelembicProject
from delembic_dagster.resource import DelembicResource, Result
from delembic_dagster.steps.session import session_in, session_resources
from delembic_dagster.steps.step import run_in_asset
from delembic_dagster.steps.targets import AssetTargets
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translated import Translated
from delembic_dagster.translation.translator import DagsterDelembicTranslator

Mode = Literal["per_migration", "single_step"]
"""How migrations become ops: one for each, or one for all of them."""

STEP_NAME = "delembic_migrations"
"""Of the one op, with ``single_step``."""

Body = Callable[[AssetExecutionContext, DelembicResource], Iterator[Any]]
"""What a step does in place of its own work, such as something of the user's around it."""


def build_delembic_assets(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    mode: Mode = "per_migration",
    select: Selection | None = None,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    name: str = STEP_NAME,
    body: Body | None = None,
) -> list[AssetsDefinition]:
    """Return the project's migrations as assets, each waiting for what it depends on.

    No database is opened and no migration is imported.

    Args:
        project: Whose migrations.
        translator: How they look.
        mode: ``per_migration``: one asset and one op for each, so that each has a state, a log
            and retries of its own. ``single_step``: still an asset for each, but one op that runs
            all that are selected, for thousands of migrations, or where each step is a process of
            its own and costs more than the work.
        select: Which of them: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        pool: Limits how many run at the same time in Dagster. The command line knows nothing of
            it; that is held off by delembic's own lock. With ``per_migration`` a migration or the
            translator may set another one (see `OpSettings`), as for the next two.
        retry_policy: What to do about a migration that failed. One that a retry cannot help is
            not tried again.
        op_tags: Tags for the ops, such as ``dagster-k8s/config``.
        name: Of the op, with ``single_step``.
        body: What each step does in place of its own work, which is in its words
            ``yield from delembic.upgrade(context)``.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``, or there is no such mode.

    Example:
        >>> project = DelembicProject("example_project")
        >>> assets = build_delembic_assets(project)
        >>> len(assets), assets[0].key.to_user_string()
        (11, 'delembic/D001')
        >>> (together,) = build_delembic_assets(project, mode="single_step")
        >>> len(together.keys)
        11
    """
    migrations = Migrations.of(project, translator, select)
    settings = OpSettings(pool, retry_policy, op_tags or {})
    return migration_assets(migrations, mode=mode, settings=settings, name=name, body=body)


def migration_assets(
    migrations: Migrations,
    *,
    mode: Mode,
    settings: OpSettings,
    name: str,
    body: Body | None,
) -> list[AssetsDefinition]:
    """Return the assets of `build_delembic_assets` for some migrations.

    Args:
        migrations: Which.
        mode: How they become ops.
        settings: Of all ops, unless a migration has its own.
        name: Of the op, with ``single_step``.
        body: What each step does in place of its own work.

    Raises:
        ConfigurationError: There is no such mode.
    """
    with quiet_about_betas():  # an asset's own resources
        match mode:
            case "per_migration":
                return _in_an_op_each(migrations, settings, body)
            case "single_step":
                return _in_one_op(migrations, settings, name, body) if migrations else []
    raise ConfigurationError(
        f"There is no mode {mode!r}.", "Choose 'per_migration' or 'single_step'."
    )


def _in_an_op_each(
    migrations: Migrations, general: OpSettings, body: Body | None
) -> list[AssetsDefinition]:
    project = migrations.project
    resources = session_resources(project)

    def work(context: AssetExecutionContext, item: Translated) -> Iterator[Any]:
        session = session_in(context, project)
        if body:
            yield from body(context, DelembicResource.sharing(session))
        else:
            # Its key may have been changed since, as by a prefix for all assets of a module.
            step = AssetTargets(context, project.graph).step(item.revision.id)
            yield from run_in_asset(context, session, step)

    return [_asset(item, general, work, resources) for item in migrations.values()]


def _asset(
    item: Translated,
    general: OpSettings,
    work: Callable[[AssetExecutionContext, Translated], Iterator[Any]],
    resources: Mapping[str, ResourceDefinition],
) -> AssetsDefinition:
    settings = item.settings.over(general)

    @multi_asset(
        name=op_name(item.spec.key),
        specs=[item.spec],
        check_specs=[item.check] if item.check else None,
        resource_defs=resources,
        pool=settings.pool,
        retry_policy=settings.retry_policy,
        op_tags=settings.op_tags or None,
    )
    def migration() -> object:
        # An iterator of results, with the context as its parameter. But Dagster evaluates the
        # annotations of each asset eight times over, which those would make a tenth of loading.
        yield from work(AssetExecutionContext.get(), item)

    return migration


def _in_one_op(
    migrations: Migrations, settings: OpSettings, name: str, body: Body | None
) -> list[AssetsDefinition]:
    project = migrations.project

    @in_one_op(migrations, name=name, settings=settings, resource_defs=session_resources(project))
    def all_of_them(context: AssetExecutionContext) -> Iterator[Result]:
        delembic = DelembicResource.sharing(session_in(context, project))
        yield from body(context, delembic) if body else delembic.upgrade(context)

    return [all_of_them]
