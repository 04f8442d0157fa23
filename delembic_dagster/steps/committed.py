"""What a migration's own step knows of the check that verifies its committed data.

Dagster forgets the result of a check with each new materialization. Without a word from the step,
a check would count as not evaluated after a run that has just validated the same data.
"""

from __future__ import annotations

from dagster import AssetCheckEvaluation, AssetCheckKey, AssetCheckSeverity

from delembic import Revision
from delembic.events import Outcome, Skipped
from delembic_dagster.metadata import bounded, check_metadata, outcome_metadata
from delembic_dagster.steps.failures import MigrationFailure
from delembic_dagster.steps.session import Context, run_id_of

_NOT_NOW = "Not verified in this run. The last result: "


def committed_evaluation(
    context: Context, check: AssetCheckKey, revision: Revision, outcome: Outcome
) -> AssetCheckEvaluation | None:
    """Return the evaluation to report with a materialization; ``None`` if there is none.

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
        return None  # the run evaluates the check itself
    if isinstance(outcome, Skipped):
        result = last.evaluation if last else None
        # A run may have planned the evaluation and ended before it.
        return _again(result) if isinstance(result, AssetCheckEvaluation) else None
    return AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=True,
        description="Validated in the transaction that applied it.",
        metadata=check_metadata(outcome_metadata(outcome, revision)),
    )


def evaluation_of_failure(
    context: Context, check: AssetCheckKey, failure: MigrationFailure
) -> AssetCheckEvaluation | None:
    """Return a warning that the check is not evaluated, if the run has planned to do that.

    Dagster would call it failed, and say no more. If the migration was applied before, the check's
    own step still evaluates it after this.

    Args:
        context: The context of the step.
        check: The check on committed data; it belongs to another step.
        failure: Why the migration did not take effect.
    """
    last = context.instance.get_latest_asset_check_evaluation_record(check)
    if last is None or last.run_id != run_id_of(context):
        return None
    return AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=False,
        severity=AssetCheckSeverity.WARN,
        description=not_evaluated(failure),
        metadata=check_metadata(failure.metadata),
    )


def not_evaluated(failure: MigrationFailure) -> str:
    """Return why a check of a migration was not evaluated."""
    return bounded(f"It was not evaluated. {failure.description}")


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
