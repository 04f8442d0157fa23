"""The migrations as a job of plain ops, for users who want no assets."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from dagster import (
    DependencyDefinition,
    ExecutorDefinition,
    GraphDefinition,
    HookDefinition,
    In,
    JobDefinition,
    MultiDependencyDefinition,
    NodeInvocation,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    Output,
    RetryPolicy,
    in_process_executor,
    op,
)

from delembic_dagster.metadata import outcome_metadata, whole_metadata
from delembic_dagster.naming import op_name
from delembic_dagster.project import DelembicProject
from delembic_dagster.steps.log import StepLog
from delembic_dagster.steps.session import session_in, session_resources
from delembic_dagster.steps.step import attempt
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translated import Translated
from delembic_dagster.translation.translator import DagsterDelembicTranslator

_AFTER = "after"
"""The input that waits for the dependencies of a migration."""


def build_delembic_op_job(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    name: str = "delembic_upgrade_ops",
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    executor_def: ExecutorDefinition = in_process_executor,
    tags: Mapping[str, Any] | None = None,
    hooks: AbstractSet[HookDefinition] | None = None,
) -> JobDefinition:
    """Return a job with an op for each migration, in the graph of their ``depends_on``.

    It does what the job of `build_delembic_job` does, but defines no assets: each op's output has
    the metadata that a materialization would have. No database is opened and no migration is
    imported.

    Args:
        project: The project.
        name: The job's name.
        translator: Names the ops after the assets that it would make, and may set pools for them.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
            A migration is blocked if one of its dependencies is neither selected nor applied.
        pool: A pool for the ops; see `build_delembic_assets`.
        retry_policy: How to retry a migration that failed; see `build_delembic_assets`.
        op_tags: Tags for the ops; see `build_delembic_assets`.
        executor_def: The executor of the job; by default all steps run in one process.
        tags: Tags of the job and of each of its runs, such as ``dagster/max_retries``.
        hooks: Hooks for each of its steps.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> job = build_delembic_op_job(DelembicProject("example_project"), select="upto:D002")
        >>> sorted(node.name for node in job.nodes)
        ['delembic__D001', 'delembic__D002']
    """
    migrations = Migrations.of(project, translator, select)
    general = OpSettings(pool, retry_policy, op_tags or {})
    graph = GraphDefinition(
        name=name,
        description="Applies the pending data migrations in the order of depends_on.",
        node_defs=[_op(name, project, item, general) for item in migrations.values()],
        dependencies={
            NodeInvocation(_unique_name(name, item), alias=_name(item)): {
                _AFTER: MultiDependencyDefinition(_waits_for(item, migrations))
            }
            for item in migrations.values()
        },
    )
    return graph.to_job(
        resource_defs=session_resources(project),
        executor_def=executor_def,
        tags=dict(tags or {}),
        hooks=hooks,
    )


def _name(item: Translated) -> str:
    return op_name(item.spec.key)


def _unique_name(job: str, item: Translated) -> str:
    """Return a name that is unique to the job: Dagster takes each name for one op definition."""
    return f"{job}__{_name(item)}"


def _waits_for(item: Translated, migrations: Migrations) -> list[DependencyDefinition]:
    names = migrations.project.graph.dependencies(item.revision.id)
    return [DependencyDefinition(_name(migrations[id_])) for id_ in names if id_ in migrations]


def _op(job: str, project: DelembicProject, item: Translated, general: OpSettings) -> OpDefinition:
    settings = item.settings.over(general)

    @op(
        name=_unique_name(job, item),
        description=item.revision.description or None,
        ins={_AFTER: In(Nothing)},
        out=Out(Nothing),
        required_resource_keys={*session_resources(project)},
        pool=settings.pool,
        retry_policy=settings.retry_policy,
        tags=settings.op_tags or None,
    )
    def migration(context: OpExecutionContext) -> Iterator[Output[None]]:
        session = session_in(context, project)
        log = StepLog(context.log)
        outcome = attempt(context, session, item.revision, log, settings.stop_after_seconds)
        metadata = outcome_metadata(outcome, item.revision) | whole_metadata(log.progress)
        yield Output(None, metadata=metadata)

    return migration
