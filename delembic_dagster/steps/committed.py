"""What a migration's own step knows of the check that verifies its committed data.

Dagster forgets the result of a check with each new materialization. Without a word from the step,
a check would count as not evaluated after a run that has just validated the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dagster import AssetCheckEvaluation, AssetCheckKey, AssetCheckSeverity

from delembic import Revision
from delembic.events import Outcome, Skipped
from delembic_dagster.metadata import bounded, check_metadata, outcome_metadata
from delembic_dagster.steps.failures import MigrationFailure
from delembic_dagster.steps.session import Context, run_id_of

_NOT_NOW = "Not verified in this run. The last result: "


def report_committed(
    context: Context, check: AssetCheckKey, revision: Revision, outcome: Outcome
) -> None:
    """Report what is known of the check once a migration is applied.

    A migration that was applied just now has been validated with it. For one that was already
    applied, the last result is told again.

    Args:
        context: The context of the step.
        check: The check on committed data; it belongs to another step.
        revision: The migration.
        outcome: How the attempt at it ended.
    """
    last = context.instance.get_latest_asset_check_evaluation_record(check)
    if last and last.run_id == run_id_of(context):
        return  # the run evaluates the check itself
    if not isinstance(outcome, Skipped):
        _report(context, _validated(check, check_metadata(outcome_metadata(outcome, revision))))
    # A run may have planned the evaluation and ended before it.
    elif last and isinstance(last.evaluation, AssetCheckEvaluation):
        _report(context, _again(last.evaluation))


def report_failure(context: Context, check: AssetCheckKey, failure: MigrationFailure) -> None:
    """Report a warning that the check is not evaluated, if the run has planned to do that.

    Dagster would call it failed, and say no more. If the migration was applied before, the check's
    own step still evaluates it after this.

    Args:
        context: The context of the step.
        check: The check on committed data; it belongs to another step.
        failure: Why the migration did not take effect.
    """
    last = context.instance.get_latest_asset_check_evaluation_record(check)
    if last is None or last.run_id != run_id_of(context):
        return
    # In a process of its own, the check's step may have been faster.
    if not isinstance(last.evaluation, AssetCheckEvaluation):
        warning = AssetCheckEvaluation(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=False,
            severity=AssetCheckSeverity.WARN,
            description=not_evaluated(failure),
            metadata=check_metadata(failure.metadata),
        )
        _report(context, warning)


def not_evaluated(failure: MigrationFailure) -> str:
    """Return why a check of a migration was not evaluated."""
    return bounded(f"It was not evaluated. {failure.description}")


def _report(context: Context, evaluation: AssetCheckEvaluation) -> None:
    """Record an evaluation, which is no result of the step and so is not yielded."""
    # Its annotation leaves out evaluations, which it takes.
    log_event: Callable[[Any], None] = context.log_event
    log_event(evaluation)


def _validated(check: AssetCheckKey, metadata: Mapping[str, Any]) -> AssetCheckEvaluation:
    return AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=True,
        description="Validated in the transaction that applied it.",
        metadata=metadata,
    )


def _again(last: AssetCheckEvaluation) -> AssetCheckEvaluation:
    """Return an earlier evaluation; its metadata tell when the data was verified."""
    return AssetCheckEvaluation(
        asset_key=last.asset_key,
        check_name=last.check_name,
        passed=last.passed,
        severity=last.severity,
        description=_NOT_NOW + (last.description or "").removeprefix(_NOT_NOW),
        metadata=check_metadata(last.metadata),
    )
