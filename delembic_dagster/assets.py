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
from delembic_dagster.steps.step import report_checks, run_in_asset
from delembic_dagster.steps.targets import AssetTargets
from delembic_dagster.translation.arrangement import Arrangement, KeyPrefix, Names
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translated import Translated
from delembic_dagster.translation.translator import DagsterDelembicTranslator

Mode = Literal["per_migration", "single_step"]
"""How migrations become ops: one op for each migration, or one op for all of them."""

STEP_NAME = "delembic_migrations"
"""The name of the op in the mode ``single_step``."""

Body = Callable[[AssetExecutionContext, DelembicResource], Iterator[Any]]
"""What a step runs instead of the default, such as the default with other work around it."""


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
    names: Names | None = None,
    key_prefix: KeyPrefix | None = None,
    group_name: str | None = None,
    schema_assets: bool | None = None,
) -> list[AssetsDefinition]:
    """Return the project's migrations as assets, each downstream of what it depends on.

    No database is opened and no migration is imported.

    Args:
        project: The project.
        translator: Defines how the migrations look in Dagster.
        mode: ``per_migration`` makes one asset and one op for each migration, so that each has its
            own state, log and retries. ``single_step`` makes one asset for each migration, but one
            op that runs all that are selected. Use it for thousands of migrations, or where each
            step is a process of its own that costs more than the migration.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        pool: A pool that limits how many ops run at the same time in Dagster. It does not limit
            the command line; delembic's own lock does. In the mode ``per_migration``, a migration
            or the translator can override ``pool``, ``retry_policy`` and ``op_tags`` (see
            `OpSettings`).
        retry_policy: How to retry a migration that failed. A failure that a retry cannot help is
            not retried.
        op_tags: Tags for the ops, such as ``dagster-k8s/config``.
        name: The name of the op in the mode ``single_step``.
        body: What each step runs instead of the default, which is
            ``yield from delembic.upgrade(context)``.
        names: What the last part of the asset keys is, and thereby the names of ops and steps:
            ``revision`` (``delembic/D007``) or ``file`` (``delembic/D007_geography_concepts``).
        key_prefix: One or several parts in front of all asset keys.
        group_name: The group of all migrations; each is in the group that it names if ``None``.
        schema_assets: Whether the assets are downstream of the revisions of Alembic that they wait
            for.

    If other builders need these settings too, such as those of sensors and checks, give them to a
    translator instead, and pass it to all of them.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``, or there is no such mode.

    Example:
        >>> project = DelembicProject("example_project")
        >>> assets = build_delembic_assets(project)
        >>> len(assets), assets[0].key.to_user_string()
        (12, 'delembic/D001')
        >>> (together,) = build_delembic_assets(project, mode="single_step")
        >>> len(together.keys)
        12
    """
    arrangement = Arrangement.of(names, key_prefix, group_name, schema_assets)
    migrations = Migrations.of(project, translator, select, arrangement)
    settings = OpSettings(pool, retry_policy, op_tags or {})
    return migration_assets(migrations, mode=mode, settings=settings, name=name, body=body)


def migration_assets(
    migrations: Migrations,
    *,
    mode: Mode,
    settings: OpSettings,
    name: str,
    body: Body | None,
    committed_check: str | None = None,
) -> list[AssetsDefinition]:
    """Return the assets of `build_delembic_assets` for some migrations.

    Args:
        migrations: The migrations.
        mode: How the migrations become ops.
        settings: The settings of the ops, unless a migration overrides them.
        name: The name of the op in the mode ``single_step``.
        body: What each step runs instead of the default.
        committed_check: The name of the checks that verify committed data, if the definitions have
            them.

    Raises:
        ConfigurationError: There is no such mode.
    """
    with quiet_about_betas():  # an asset's own resources
        match mode:
            case "per_migration":
                return _in_an_op_each(migrations, settings, body, committed_check)
            case "single_step":
                if not migrations:
                    return []
                return _in_one_op(migrations, settings, name, body, committed_check)
    raise ConfigurationError(
        f"There is no mode {mode!r}.", "Choose 'per_migration' or 'single_step'."
    )


def _in_an_op_each(
    migrations: Migrations,
    general: OpSettings,
    body: Body | None,
    committed_check: str | None,
) -> list[AssetsDefinition]:
    project = migrations.project
    resources = session_resources(project)

    def work(context: AssetExecutionContext) -> Iterator[Any]:
        session = session_in(context, project, committed_check)
        if body:
            yield from body(context, DelembicResource.sharing(session))
        else:
            # The key may have changed since, as by a prefix for all assets of a module.
            targets = AssetTargets(context, project.graph)
            yield from report_checks(context, project, targets.only_checked())
            for step in targets.selected():
                yield from run_in_asset(context, session, step)

    return [_asset(item, general, work, resources) for item in migrations.values()]


def _asset(
    item: Translated,
    general: OpSettings,
    work: Callable[[AssetExecutionContext], Iterator[Any]],
    resources: Mapping[str, ResourceDefinition],
) -> AssetsDefinition:
    settings = item.settings.over(general)

    @multi_asset(
        name=op_name(item.spec.key),
        specs=[item.spec],
        check_specs=[item.check] if item.check else None,
        can_subset=item.check is not None,  # a job may select the check alone
        resource_defs=resources,
        pool=settings.pool,
        retry_policy=settings.retry_policy,
        op_tags=settings.op_tags or None,
    )
    def migration(context: AssetExecutionContext) -> Iterator[Any]:
        yield from work(context)

    return migration


def _in_one_op(
    migrations: Migrations,
    settings: OpSettings,
    name: str,
    body: Body | None,
    committed_check: str | None,
) -> list[AssetsDefinition]:
    project = migrations.project

    @in_one_op(migrations, name=name, settings=settings, resource_defs=session_resources(project))
    def all_of_them(context: AssetExecutionContext) -> Iterator[Result]:
        delembic = DelembicResource.sharing(session_in(context, project, committed_check))
        yield from body(context, delembic) if body else delembic.upgrade(context)

    return [all_of_them]
