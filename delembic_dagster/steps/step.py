"""One migration as the body of a Dagster step: the core's own attempt, reported to Dagster.

This is not a second way of running a migration. The core takes the lock, checks the dependencies,
and writes the mark and the log entry, as for the command line. A step that Dagster started too
early would be blocked in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DataVersion,
    MaterializeResult,
)

from delembic import DelembicError, Phase, Progress, Revision, State, Status, commands
from delembic.events import Failed, Outcome, Skipped
from delembic_dagster.metadata import (
    CHANGED,
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    REVISION,
    STATUS,
    applied_code_version,
    bounded,
    check_metadata,
    outcome_metadata,
    progress_metadata,
    standing_metadata,
    whole_metadata,
)
from delembic_dagster.project import DelembicProject
from delembic_dagster.steps.committed import (
    not_evaluated,
    report_committed,
    report_failure,
)
from delembic_dagster.steps.failures import MigrationFailure, step_failure, verification_failure
from delembic_dagster.steps.log import StepLog
from delembic_dagster.steps.output import forwarding_output
from delembic_dagster.steps.session import Context, RunSession

AssetResult = MaterializeResult[None] | AssetCheckResult


@dataclass(frozen=True, slots=True)
class Step:
    """A migration to run, and the names under which it is reported to Dagster.

    Attributes:
        revision: The migration.
        key: The key of its asset.
        check: The key of the check for its ``validate``, if there is one.
        code_version: The code version of its asset, if it has one.
        stop_after_seconds: When it stops between two batches; never if ``None``.
    """

    revision: Revision
    key: AssetKey
    check: AssetCheckKey | None = None
    code_version: str | None = None
    stop_after_seconds: float | None = None


def run_in_asset(context: Context, session: RunSession, step: Step) -> Iterator[AssetResult]:
    """Run a migration and yield its results for the asset that is being executed.

    If ``validate`` fails, the migration is rolled back: its check is reported as failed, and
    nothing is materialized. If anything else fails, the check warns that it was not evaluated. A
    migration in batches that has stopped before its end is treated so too.
    Whatever failed, an observation shows the error on the asset's page. Dagster itself shows there
    only that the step failed.

    Raises:
        MigrationFailure: The migration did not take effect.
    """
    log, committed = _log_of(context, step), _committed_check(session, step)
    try:
        outcome = attempt(context, session, step.revision, log, step.stop_after_seconds)
    except MigrationFailure as failure:
        context.log_event(
            AssetObservation(
                asset_key=step.key, description=failure.description, metadata=failure.metadata
            )
        )
        if committed:
            report_failure(context, committed, failure)
        if step.check:
            yield _check_of_failure(step.check, failure, log.failed)
        raise
    yield _materialization(step, outcome, log.progress)
    if committed:
        report_committed(context, committed, step.revision, outcome)


def report_checks(
    context: Context, project: DelembicProject, steps: Sequence[Step]
) -> Iterator[AssetCheckResult]:
    """Yield the results of ``validate`` from when the migrations were applied, and run nothing.

    Where one op has several assets, Dagster lets users select a check alone. A migration that is
    not applied has no result yet.

    Raises:
        Failure: The database cannot be read.
    """
    if not steps:
        return
    asked = {step.revision.id: step for step in steps}
    try:
        standings = commands.history(project.config)
    except DelembicError as error:
        raise verification_failure(error, [step.revision for step in steps]) from None
    for standing in standings:
        step = asked.get(standing.revision)
        if step and step.check and standing.state == State.APPLIED:
            yield _validated_before(step.check, standing.revision, standing_metadata(standing))
        elif step:
            context.log.info(f"{standing.revision} is left out: it is not applied.")


def run_in_op(context: Context, session: RunSession, step: Step) -> Iterator[AssetMaterialization]:
    """Run a migration in an op that is not an asset, and yield its materialization.

    Nothing is yielded for a migration that was already applied: there is nothing new to record.

    Raises:
        MigrationFailure: The migration did not take effect.
    """
    log = _log_of(context, step)
    outcome = attempt(context, session, step.revision, log, step.stop_after_seconds)
    if not isinstance(outcome, Skipped):
        yield AssetMaterialization(
            asset_key=step.key,
            description=step.revision.description or None,
            metadata=outcome_metadata(outcome, step.revision) | whole_metadata(log.progress),
            tags={DATA_VERSION_TAG: step.revision.checksum},
        )


def attempt(
    context: Context,
    session: RunSession,
    revision: Revision,
    log: StepLog,
    stop_after_seconds: float | None = None,
) -> Outcome:
    """Run a migration, and forward what it logs and prints to the step's log.

    Args:
        context: The context of the step.
        session: The session of the run.
        revision: The migration.
        log: Gets its events.
        stop_after_seconds: When to stop between two batches; never if ``None``.

    Raises:
        MigrationFailure: The migration did not take effect.
    """
    try:
        with forwarding_output(context.log, context.instance.managed_python_loggers):
            outcome = session.apply(revision, log.write, stop_after_seconds)
    except DelembicError as error:
        # `from None`: the text of the cause may be very long, and the audit log has all of it.
        raise step_failure(error, revision, log.failed or log.paused, log.progress) from None
    if outcome_metadata(outcome, revision).get(CHANGED):
        context.log.warning(
            f"The file of {revision.id} has changed since it was applied, and it is not run again."
            " Restore the file, or write a new migration."
        )
    return outcome


def _log_of(context: Context, step: Step) -> StepLog:
    """Return a log that shows on the asset's page, too, how far a migration in batches is."""

    def observe(progress: Progress) -> None:
        metadata = {REVISION: step.revision.id, **progress_metadata(progress)}
        context.log_event(AssetObservation(asset_key=step.key, metadata=metadata))

    return StepLog(context.log, observe)


def _materialization(
    step: Step, outcome: Outcome, progress: Progress | None
) -> MaterializeResult[None]:
    applied = _checksum(step, outcome)
    version = applied_code_version(step.code_version, step.revision.checksum, applied)
    metadata = outcome_metadata(outcome, step.revision) | whole_metadata(progress)
    return MaterializeResult(
        asset_key=step.key,
        metadata=metadata,
        check_results=[_check(step.check, outcome, metadata)] if step.check else [],
        # Reported even if nothing was run: otherwise everything downstream would be out of date.
        # It is the version of the file that was applied, even if the file has changed since.
        data_version=DataVersion(applied),
        tags={CODE_VERSION_TAG: version} if version else None,
    )


def _checksum(step: Step, outcome: Outcome) -> str:
    applied = outcome.checksum if isinstance(outcome, Skipped) else None
    return step.revision.canonical(applied) if applied else step.revision.checksum


def _check(check: AssetCheckKey, outcome: Outcome, metadata: Mapping[str, Any]) -> AssetCheckResult:
    """Return the result of an applied migration's ``validate``; Dagster requires one each time."""
    if isinstance(outcome, Skipped):
        return _validated_before(check, outcome.revision, check_metadata(metadata))
    return AssetCheckResult(
        passed=True,
        asset_key=check.asset_key,
        check_name=check.name,
        description="Validated in the transaction that applied it.",
        metadata=check_metadata(metadata),
    )


def _validated_before(
    check: AssetCheckKey, revision: str, metadata: Mapping[str, Any]
) -> AssetCheckResult:
    known = not metadata.get(CHANGED)
    return AssetCheckResult(
        passed=known,
        asset_key=check.asset_key,
        check_name=check.name,
        # A check that is not known to have failed blocks nothing.
        severity=AssetCheckSeverity.ERROR if known else AssetCheckSeverity.WARN,
        description="It was validated when it was applied; nothing was run this time."
        if known
        else "The file has changed since it was applied, so it is not known whether this validate()"
        " passed then; nothing was run this time. To run it on the current data:"
        f" delembic verify {revision}",
        metadata=metadata,
    )


def _committed_check(session: RunSession, step: Step) -> AssetCheckKey | None:
    name = session.committed_check
    return AssetCheckKey(step.key, name) if name and step.revision.validates else None


def _check_of_failure(
    check: AssetCheckKey, failure: MigrationFailure, failed: Failed | None
) -> AssetCheckResult:
    if failed and failed.phase == Phase.VALIDATE:
        return _failed_check(check, failed)
    return AssetCheckResult(
        passed=False,
        asset_key=check.asset_key,
        check_name=check.name,
        # Nothing is known to be wrong with the data; what is wrong has failed the step.
        severity=AssetCheckSeverity.WARN,
        description=not_evaluated(failure),
        metadata=check_metadata(failure.metadata),
    )


def _failed_check(check: AssetCheckKey, failed: Failed) -> AssetCheckResult:
    return AssetCheckResult(
        passed=False,
        asset_key=check.asset_key,
        check_name=check.name,
        description=bounded(failed.reason),
        metadata={
            REVISION: failed.revision,
            STATUS: str(Status.FAILED),
            "delembic/attempt": failed.attempt,
            "delembic/history_id": failed.history_id,
        },
    )
