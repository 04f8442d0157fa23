"""The ``validate`` of applied migrations as asset checks that can be evaluated at any time.

They verify what is committed by now, and have a job of their own: a migration is applied once, its
data is looked at again and again. What they find leaves the migration as it is.
"""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    DagsterEventType,
    DefaultScheduleStatus,
    ExecutorDefinition,
    RetryPolicy,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
    multi_asset_check,
)

from delembic import DelembicError, Program, Verification, commands
from delembic.errors import NotVerifiableError
from delembic_dagster.errors import TranslationError
from delembic_dagster.jobs import AssetJob
from delembic_dagster.metadata import (
    APPLIED,
    EXECUTOR,
    REVISION,
    STATUS,
    bounded,
    verification_metadata,
)
from delembic_dagster.naming import op_name
from delembic_dagster.project import DelembicProject
from delembic_dagster.steps.failures import verification_failure
from delembic_dagster.steps.log import StepLog
from delembic_dagster.steps.output import forwarding_output
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.specs import translate
from delembic_dagster.translation.translator import DagsterDelembicTranslator

CHECK_NAME = "still_valid"
VALIDATION_JOB_NAME = "delembic_verify"


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
) -> list[AssetChecksDefinition]:
    """Return checks that run the ``validate`` of applied migrations again, as often as you like.

    Each verifies committed data in a transaction that is rolled back, and leaves a row in the
    audit log. Data that has drifted turns its check red; the migration stays applied, and nothing
    is held up. That of a migration that is not applied yet is left out of the run. All that are
    selected are evaluated by one step.

    No database is opened and no migration is imported.

    Args:
        project: Whose migrations; those without a ``validate`` get no check.
        translator: The one that the assets were built with.
        select: Which of them: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        check_name: What each check is called, on the asset of its migration.
        severity: How bad it is that one does not pass: ``ERROR`` or ``WARN``.
        name: The step's name; made of what the asset keys have in common if ``None``. Two with the
            same, in one code location, need names of their own.
        pool: Limits how many steps run at the same time in Dagster.
        retry_policy: What to do if it could not be found out. Drifted data is no such case.
        op_tags: Tags for the op, such as ``dagster-k8s/config``.

    Returns:
        One definition with all the checks, or none if there is nothing to verify.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> (checks,) = build_delembic_validation_checks(DelembicProject("example_project"))
        >>> min(checks.check_keys).to_user_string()
        'delembic/D001:still_valid'
    """
    specs = _specs(project, translator, select, check_name)
    if not specs:
        return []
    verification = _Verification(project, specs, severity)

    @multi_asset_check(
        name=name or _op_name(specs, check_name),
        specs=list(specs.values()),
        description="Verifies that the data is still what applied migrations expect of it.",
        can_subset=True,
        pool=pool,
        retry_policy=retry_policy,
        op_tags=op_tags,
    )
    def validation(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        yield from verification.evaluate(context)

    return [validation]


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
        project: Whose migrations.
        checks: What that has built; if ``None``, what it builds without any option.
        name: The job's name, as Dagster takes it.
        translator: The one that the assets were built with.
        executor_def: How its step is executed, by default in the run's own process.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> build_delembic_validation_job(DelembicProject("example_project")).name
        'delembic_verify'
    """
    if checks is None:
        checks = build_delembic_validation_checks(project, translator=translator)
    return define_asset_job(
        name,
        selection=AssetSelection.checks(*checks),
        description="Verifies that the data is still what applied migrations expect of it.",
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
        project: Whose migrations.
        cron_schedule: When, in cron's notation.
        job: The job to start. If ``None``, the schedule brings the one that
            `build_delembic_validation_job` makes of the project; give it the job if the
            definitions have it besides, as Dagster wants each name once.
        name: The schedule's name; the job's with ``_schedule`` behind it if ``None``.
        translator: The one that the assets and the checks were built with.
        execution_timezone: The time zone of ``cron_schedule``, such as ``Europe/Berlin``.
        default_status: Whether it runs before somebody has switched it on.

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


@dataclass(frozen=True, slots=True)
class _Verification:
    """What the step of the checks does.

    Attributes:
        project: Where the migrations belong.
        specs: Their checks, by revision, in execution order.
        severity: Of one that does not pass.
    """

    project: DelembicProject
    specs: Mapping[str, AssetCheckSpec]
    severity: AssetCheckSeverity

    def evaluate(self, context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        """Verify what is selected, and yield each result as soon as it is there.

        Raises:
            Failure: It could not be found out.
        """
        yield from replace(self, specs=_as_run(context, self.specs))._evaluate(context)

    def _evaluate(self, context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        selected = context.selected_asset_check_keys
        fresh = _applied_by(context)
        revisions = []
        for id_, spec in self.specs.items():
            if spec.key in selected and id_ in fresh:
                yield self._passed(spec, "This run has applied it, and validated it then.", {})
            elif spec.key in selected:
                revisions.append(id_)
        managed = context.instance.managed_python_loggers
        findings = self._verify(context, revisions)
        try:
            while True:
                # Not around the yield: what Dagster does then is none of the migration's output.
                with forwarding_output(context.log, managed):
                    found = next(findings, None)
                if found is None:
                    return
                yield self._result(found)
        except DelembicError as error:
            sources = [self.project.graph[id_] for id_ in revisions]
            raise verification_failure(error, sources) from None

    def _verify(
        self, context: AssetCheckExecutionContext, revisions: Sequence[str]
    ) -> Iterator[Verification]:
        """Verify what can be; the rest has no result, as nothing is known of it."""
        while revisions:
            try:
                yield from commands.verify_each(
                    self.project.config,
                    revisions,
                    graph=self.project.graph,
                    on_event=StepLog(context.log).show,
                    program=Program(EXECUTOR, context.run.run_id),
                )
            except NotVerifiableError as error:  # found before anything was run
                for revision, obstacle in error.obstacles.items():
                    context.log.info(f"{revision} is left out: {obstacle}.")
                revisions = [id_ for id_ in revisions if id_ not in error.obstacles]
            else:
                return

    def _result(self, found: Verification) -> AssetCheckResult:
        spec = self.specs[found.revision]
        metadata = verification_metadata(found)
        if found.passed:
            return self._passed(spec, "The data is what validate() expects.", metadata)
        return AssetCheckResult(
            passed=False,
            asset_key=spec.asset_key,
            check_name=spec.name,
            severity=self.severity,
            description=bounded(found.reason or ""),
            metadata=metadata,
        )

    def _passed(
        self, spec: AssetCheckSpec, description: str, metadata: Mapping[str, Any]
    ) -> AssetCheckResult:
        return AssetCheckResult(
            passed=True,
            asset_key=spec.asset_key,
            check_name=spec.name,
            severity=self.severity,
            description=description,
            metadata=metadata,
        )


def _as_run(
    context: AssetCheckExecutionContext, built: Mapping[str, AssetCheckSpec]
) -> dict[str, AssetCheckSpec]:
    """Return the checks with the keys that they have now; a module may have got a prefix."""
    now = {str((spec.metadata or {}).get(REVISION)): spec for spec in context.check_specs}
    return {id_: now.get(id_, spec) for id_, spec in built.items()}


def _applied_by(context: AssetCheckExecutionContext) -> set[str]:
    """Return the migrations that the very run has applied, to validate them a moment ago.

    Dagster takes all checks of an asset into a run that is asked for some assets only.
    """
    entries = context.instance.all_logs(
        context.run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION
    )
    told = [
        entry.asset_materialization.metadata for entry in entries if entry.asset_materialization
    ]
    return {
        str(metadata[REVISION].value)
        for metadata in told
        if REVISION in metadata and metadata[STATUS].value == APPLIED
    }


def _specs(
    project: DelembicProject,
    translator: DagsterDelembicTranslator | None,
    select: Selection | None,
    check_name: str,
) -> dict[str, AssetCheckSpec]:
    """Return the checks by revision, in execution order."""
    specs: dict[str, AssetCheckSpec] = {}
    for id_, item in translate(project, translator, select).items():
        if item.check and item.check.name == check_name:
            raise TranslationError(id_, f"has a check {check_name!r} already; choose another name.")
        if item.revision.validates:
            specs[id_] = _spec(check_name, item.spec.key, id_)
    return specs


def _spec(check_name: str, key: AssetKey, revision: str) -> AssetCheckSpec:
    return AssetCheckSpec(
        name=check_name,
        asset=key,
        description="Whether committed data is still what the migration's validate() expects.",
        metadata={REVISION: revision},
    )


def _op_name(specs: Mapping[str, AssetCheckSpec], check_name: str) -> str:
    """Return a name that two projects whose keys begin differently do not share."""
    columns = zip(*(spec.asset_key.path[:-1] for spec in specs.values()), strict=False)
    shared = [parts[0] for parts in takewhile(lambda parts: len({*parts}) == 1, columns)]
    return op_name(AssetKey([*shared, check_name]))
