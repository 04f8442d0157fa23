"""One migration as the body of a Dagster step: the core's own attempt, told in Dagster's words.

There is no second way of running a migration here. The lock, the look at what it depends on, the
mark and the audit row are the core's, as for the command line; an orchestrator that ran a step
too early would meet the same refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DataVersion,
    MaterializeResult,
    OpExecutionContext,
)

from delembic import DelembicError, Program, Revision, commands
from delembic.events import Failed, Outcome, Skipped
from delembic_dagster.failures import step_failure
from delembic_dagster.metadata import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    EXECUTOR,
    REVISION,
    STATUS,
    bounded,
    outcome_metadata,
)
from delembic_dagster.project import DelembicProject
from delembic_dagster.step_log import StepLog

Context = AssetExecutionContext | OpExecutionContext
AssetResult = MaterializeResult[None] | AssetCheckResult


@dataclass(frozen=True, slots=True)
class Step:
    """What is to run, and under which names Dagster gets to know how it went.

    Attributes:
        project: Where the migration belongs.
        revision: The migration.
        key: Its asset.
        check: The check that shows its ``validate``, if there is one.
        lock_timeout_seconds: How long to wait for another runner; as configured if ``None``.
    """

    project: DelembicProject
    revision: Revision
    key: AssetKey
    check: AssetCheckKey | None = None
    lock_timeout_seconds: float | None = None


def run_in_asset(context: Context, step: Step) -> Iterator[AssetResult]:
    """Run a migration and yield its results for the asset that is being executed.

    A failed ``validate`` has been rolled back, so its check is shown as failed and nothing is
    materialised.

    Raises:
        Failure: It did not take effect.
    """
    log = StepLog(context.log)
    try:
        outcome = _attempt(context, step, log)
    except DelembicError as error:
        if step.check and log.failed and log.failed.phase == "validate":
            yield _failed_check(step.check, log.failed)
        # `from None`: the cause's text has no bound, and all of it is in the audit log.
        raise step_failure(error, step.revision, log.failed) from None
    yield _materialization(step, outcome)


def run_in_op(context: Context, step: Step) -> Iterator[AssetMaterialization]:
    """Run a migration in an op that is no asset, and yield the materialisation to be recorded.

    Nothing is yielded for one that was applied already: there is nothing new about it.

    Raises:
        Failure: It did not take effect.
    """
    log = StepLog(context.log)
    try:
        outcome = _attempt(context, step, log)
    except DelembicError as error:
        raise step_failure(error, step.revision, log.failed) from None
    if not isinstance(outcome, Skipped):
        yield AssetMaterialization(
            asset_key=step.key,
            description=step.revision.description or None,
            metadata=outcome_metadata(outcome),
            tags={DATA_VERSION_TAG: step.revision.checksum},
        )


def _attempt(context: Context, step: Step, log: StepLog) -> Outcome:
    return commands.apply(
        step.project.config,
        step.revision.id,
        graph=step.project.graph,
        on_event=log.show,
        lock_timeout_seconds=step.lock_timeout_seconds,
        program=Program(EXECUTOR, context.run.run_id),
    )


def _materialization(step: Step, outcome: Outcome) -> MaterializeResult[None]:
    return MaterializeResult(
        asset_key=step.key,
        metadata=outcome_metadata(outcome, step.revision.checksum),
        check_results=[_passed_check(step.check, outcome)] if step.check else [],
        # Told even when nothing was run: without it, all that follows would count as out of date.
        # It is the file that made the data, whatever has been written into it since.
        data_version=DataVersion(_checksum(step, outcome)),
        # For the same reason it stays out of date if the file was changed since.
        tags={CODE_VERSION_TAG: _checksum(step, outcome)},
    )


def _checksum(step: Step, outcome: Outcome) -> str:
    applied = outcome.checksum if isinstance(outcome, Skipped) else None
    return applied or step.revision.checksum


def _passed_check(check: AssetCheckKey, outcome: Outcome) -> AssetCheckResult:
    then = (
        "It was validated when it was applied; nothing was run now."
        if isinstance(outcome, Skipped)
        else "Validated in the transaction that applied it."
    )
    return AssetCheckResult(
        passed=True,
        asset_key=check.asset_key,
        check_name=check.name,
        description=then,
        metadata=outcome_metadata(outcome),
    )


def _failed_check(check: AssetCheckKey, failed: Failed) -> AssetCheckResult:
    return AssetCheckResult(
        passed=False,
        asset_key=check.asset_key,
        check_name=check.name,
        description=bounded(failed.reason),
        metadata={
            REVISION: failed.revision,
            STATUS: "failed",
            "delembic/attempt": failed.attempt,
            "delembic/history_id": failed.history_id,
        },
    )
