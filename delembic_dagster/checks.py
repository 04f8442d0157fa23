"""The ``validate`` of applied migrations as asset checks that can be evaluated at any time.

They verify committed data and have a job of their own: a migration is applied once, but its data
can be verified any number of times. The result does not change the state of the migration.
"""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetSelection,
    DefaultScheduleStatus,
    ExecutorDefinition,
    Out,
    RetryPolicy,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
    op,
)

from delembic_dagster.errors import TranslationError
from delembic_dagster.jobs import AssetJob
from delembic_dagster.metadata import REVISION
from delembic_dagster.naming import op_name
from delembic_dagster.project import DelembicProject
from delembic_dagster.steps.verification import evaluate
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translator import DagsterDelembicTranslator

CHECK_NAME = "validate_again"
VALIDATION_JOB_NAME = "delembic_verify"

_AFTER_ALL_OTHERS = {"dagster/priority": "-1000"}
"""The checks have no inputs that make them wait. What a run applies can be verified after it."""


def build_delembic_validation_checks(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    check_name: str = CHECK_NAME,
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR,
    name: str | None = None,
    pool: str | None = None,
    retry_policy: RetryPolicy | None = None,
    op_tags: Mapping[str, Any] | None = None,
    fail_run: bool = False,
) -> list[AssetChecksDefinition]:
    """Return checks that run the ``validate`` of applied migrations again, any number of times.

    Each check verifies committed data in a transaction that is rolled back, and adds a log entry to
    the audit log. If the data has drifted, the check fails; the migration stays applied, and
    nothing is blocked. The check of a migration that is not applied yet is not evaluated. One step
    evaluates all selected checks.

    No database is opened and no migration is imported.

    Args:
        project: The project; a migration without a ``validate`` gets no check.
        translator: The translator that the assets were built with.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        check_name: The name of each check, on the asset of its migration.
        severity: The severity of a check that does not pass: ``ERROR`` or ``WARN``.
        name: The step's name; derived from what the asset keys have in common if ``None``. If two
            steps in a code location would get the same name, give each its own.
        pool: A pool that limits how many steps run at the same time in Dagster.
        retry_policy: How to retry if the data could not be verified. Drifted data is not retried.
        op_tags: Tags for the op, such as ``dagster-k8s/config``.
        fail_run: Whether the run fails if a check does not pass, so that everything that alerts of
            failed runs does so. All checks are evaluated first.

    Returns:
        One definition with all the checks, or none if there is nothing to verify.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> (checks,) = build_delembic_validation_checks(DelembicProject("example_project"))
        >>> min(checks.check_keys).to_user_string()
        'delembic/D001:validate_again'
    """
    return committed_checks(
        Migrations.of(project, translator, select),
        check_name=check_name,
        severity=severity,
        name=name,
        settings=OpSettings(pool, retry_policy, op_tags or {}),
        fail_run=fail_run,
    )


def committed_checks(
    migrations: Migrations,
    *,
    name: str | None,
    settings: OpSettings,
    check_name: str = CHECK_NAME,
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR,
    fail_run: bool = False,
) -> list[AssetChecksDefinition]:
    """Return the checks of `build_delembic_validation_checks` for some migrations.

    Args:
        migrations: The migrations.
        name: The step's name; derived from what the asset keys have in common if ``None``.
        settings: The settings of the op.
        check_name: The name of each check.
        severity: The severity of a check that does not pass.
        fail_run: Whether the run fails if a check does not pass.

    Raises:
        TranslationError: A migration already has a check of that name.
    """
    specs = _specs(migrations, check_name)
    if not specs:
        return []

    @op(
        name=name or _op_name(specs, check_name),
        description="Verifies that the data still passes the validate() of applied migrations.",
        out={spec.get_python_identifier(): Out(None, is_required=False) for spec in specs.values()},
        pool=settings.pool,
        retry_policy=settings.retry_policy,
        tags={**_AFTER_ALL_OTHERS, **settings.op_tags},
    )
    def evaluation(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        yield from evaluate(context, migrations.project, specs, severity, fail_run=fail_run)

    # Without the inputs that `@multi_asset_check` would add: Dagster would skip all of the checks
    # if a single migration of the run failed, and show those of the others as failed too.
    checks = AssetChecksDefinition.create(
        keys_by_input_name={},
        node_def=evaluation,
        check_specs_by_output_name={spec.get_python_identifier(): spec for spec in specs.values()},
        can_subset=True,
    )
    return [checks]


def build_delembic_validation_job(
    project: DelembicProject,
    *,
    checks: Sequence[AssetChecksDefinition] | None = None,
    name: str = VALIDATION_JOB_NAME,
    translator: DagsterDelembicTranslator | None = None,
    executor_def: ExecutorDefinition = in_process_executor,
) -> AssetJob:
    """Return a job that evaluates the checks of `build_delembic_validation_checks`.

    Args:
        project: The project.
        checks: The checks that it returned; those that it returns without options if ``None``.
        name: The job's name.
        translator: The translator that the assets were built with.
        executor_def: The executor of the job; by default its step runs in the run's own process.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> build_delembic_validation_job(DelembicProject("example_project")).name
        'delembic_verify'
    """
    if checks is None:
        checks = build_delembic_validation_checks(project, translator=translator)
    return validation_job(checks, name=name, executor_def=executor_def)


def validation_job(
    checks: Sequence[AssetChecksDefinition],
    *,
    name: str = VALIDATION_JOB_NAME,
    executor_def: ExecutorDefinition = in_process_executor,
) -> AssetJob:
    """Return the job of `build_delembic_validation_job` for some checks.

    Args:
        checks: The checks.
        name: The job's name.
        executor_def: The executor of the job.
    """
    return define_asset_job(
        name,
        selection=AssetSelection.checks(*checks),
        description="Verifies that the data still passes the validate() of applied migrations.",
        executor_def=executor_def,
    )


def build_delembic_validation_schedule(  # noqa: PLR0913 - all but two are optional, and named
    project: DelembicProject,
    cron_schedule: str | Sequence[str],
    *,
    job: AssetJob | None = None,
    name: str | None = None,
    translator: DagsterDelembicTranslator | None = None,
    execution_timezone: str | None = None,
    default_status: DefaultScheduleStatus = DefaultScheduleStatus.STOPPED,
) -> ScheduleDefinition:
    """Return a schedule that verifies applied migrations.

    Args:
        project: The project.
        cron_schedule: A cron expression, or several.
        job: The job to start. If ``None``, the schedule comes with the job that
            `build_delembic_validation_job` returns for the project. Pass the job if the definitions
            contain it too, because Dagster requires unique names.
        name: The schedule's name; the job's name followed by ``_schedule`` if ``None``.
        translator: The translator that the assets and the checks were built with.
        execution_timezone: The time zone of ``cron_schedule``, such as ``Europe/Berlin``.
        default_status: Whether the schedule is running or stopped before anyone changes it.

    Raises:
        DefinitionError: Something is wrong with the files or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> build_delembic_validation_schedule(
        ...     DelembicProject("example_project"), "0 * * * *"
        ... ).name
        'delembic_verify_schedule'
    """
    job = job or build_delembic_validation_job(project, translator=translator)
    return ScheduleDefinition(
        name=name or f"{job.name}_schedule",
        cron_schedule=cron_schedule,
        job=job,
        execution_timezone=execution_timezone,
        default_status=default_status,
    )


def _specs(migrations: Migrations, check_name: str) -> dict[str, AssetCheckSpec]:
    """Return the checks by revision, in execution order."""
    specs: dict[str, AssetCheckSpec] = {}
    for id_, item in migrations.items():
        if item.check and item.check.name == check_name:
            raise TranslationError(id_, f"already has a check {check_name!r}; choose another name.")
        if item.revision.validates:
            specs[id_] = _spec(check_name, item.spec.key, id_)
    return specs


def _spec(check_name: str, key: AssetKey, revision: str) -> AssetCheckSpec:
    return AssetCheckSpec(
        name=check_name,
        asset=key,
        description="Whether committed data still passes the migration's validate().",
        metadata={REVISION: revision},
    )


def _op_name(specs: Mapping[str, AssetCheckSpec], check_name: str) -> str:
    """Return a name that differs for two projects whose asset keys begin differently."""
    columns = zip(*(spec.asset_key.path[:-1] for spec in specs.values()), strict=False)
    shared = [parts[0] for parts in takewhile(lambda parts: len({*parts}) == 1, columns)]
    return op_name(AssetKey([*shared, check_name]))
