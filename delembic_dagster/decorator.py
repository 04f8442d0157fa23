"""Assets for migrations, with a body that the user writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dagster import AssetsDefinition, RetryPolicy, multi_asset

from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translator import DagsterDelembicTranslator


def delembic_assets(  # noqa: PLR0913 - all but the project are optional, and named
    *,
    project: DelembicProject,
    select: Selection | None = None,
    translator: DagsterDelembicTranslator | None = None,
    name: str | None = None,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    required_resource_keys: set[str] | None = None,
    resource_defs: Mapping[str, object] | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Make a function the body of one op that has an asset for each migration.

    The function usually yields what `DelembicResource.upgrade` yields, and can do other work
    before, between and after. Each of the assets can be selected on its own.

    Args:
        project: The project.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        translator: Defines how the migrations look in Dagster.
        name: The name of the op; the name of the function if ``None``.
        pool: A pool that limits how many such ops run at the same time in Dagster.
        retry_policy: How to retry the op when it failed; applied migrations are not run again.
        op_tags: Tags for the op.
        required_resource_keys: Resources that the body uses from ``context.resources``.
        resource_defs: Resources that are bound to the assets and that the body can use too.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> from dagster import Definitions
        >>> from delembic_dagster import DelembicResource
        >>> project = DelembicProject("example_project")
        >>> @delembic_assets(project=project)
        ... def vocabulary(context, delembic: DelembicResource):
        ...     yield from delembic.upgrade(context)
        >>> defs = Definitions([vocabulary], resources={"delembic": DelembicResource(project)})
        >>> len(vocabulary.keys)
        12
    """
    return in_one_op(
        Migrations.of(project, translator, select),
        name=name,
        settings=OpSettings(pool, retry_policy, op_tags or {}),
        required_resource_keys=required_resource_keys,
        resource_defs=resource_defs,
    )


def in_one_op(
    migrations: Migrations,
    *,
    name: str | None,
    settings: OpSettings,
    resource_defs: Mapping[str, object] | None,
    required_resource_keys: set[str] | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Make a function the body of one op for the given migrations, as `delembic_assets` does.

    Args:
        migrations: The migrations.
        name: The name of the op; the name of the function if ``None``.
        settings: The settings of the op.
        resource_defs: Resources that are bound to the assets.
        required_resource_keys: Resources that the body uses.
    """
    return multi_asset(
        name=name,
        specs=[item.spec for item in migrations.values()],
        check_specs=[item.check for item in migrations.values() if item.check],
        can_subset=True,
        pool=settings.pool,
        retry_policy=settings.retry_policy,
        op_tags=settings.op_tags or None,
        required_resource_keys=required_resource_keys,
        resource_defs=resource_defs,
    )
