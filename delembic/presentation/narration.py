"""Events as sentences. Everything that prints or logs an event takes its wording from here.

Example:
    >>> from delembic.events import LockLost
    >>> print(narrate(LockLost("D001")))
    The lock of D001 was lost with its connection while it ran; the mark still lets it take effect only once.
"""  # noqa: E501 - the sentence is one line of output

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from delembic.events import (
    BatchDone,
    BatchRetried,
    Blocked,
    Event,
    Failed,
    FilesGone,
    Finished,
    Interrupted,
    LockLost,
    Outcome,
    OutsideTransaction,
    Paused,
    Planned,
    Reapplying,
    RecordDelayed,
    Resuming,
    RowSkipped,
    Settled,
    Skipped,
    SlowInserts,
    Started,
    Throttled,
    TransactionEnded,
    Verification,
    Verifying,
    Waiting,
)
from delembic.presentation.batching import narrate_batches
from delembic.presentation.figures import rows, span
from delembic.presentation.phrases import files_gone
from delembic.status import Status

OtherRuns = Waiting | Settled | Reapplying
"""Events that tell of other runs, at the same time or earlier."""

Unusual = OutsideTransaction | TransactionEnded | SlowInserts | RecordDelayed | LockLost | FilesGone
"""Events that tell of something out of the ordinary in this run."""


def narrate(event: Event) -> str:
    """Return what happened, as a sentence that can stand alone.

    It names the revision. It ends with a period, unless it ends with the text of an error.
    """
    match event:
        case Planned():
            return f"Revisions to run: {', '.join(event.revisions) or 'none'}."
        case Waiting() | Settled() | Reapplying():
            return _of_other_runs(event)
        case (
            OutsideTransaction()
            | TransactionEnded()
            | SlowInserts()
            | RecordDelayed()
            | LockLost()
            | FilesGone()
        ):
            return _unusual(event)
        case Started() | Finished() | Skipped() | Failed() | Blocked() | Interrupted():
            return _course(event)
        case Resuming() | BatchDone() | BatchRetried() | RowSkipped() | Throttled() | Paused():
            return narrate_batches(event)
        case Verifying() | Verification():
            return _verification(event)
        case _:
            assert_never(event)


def headline(event: Started, number: int = 1, planned: int = 1) -> str:
    """Return the line that a screen prints when a migration starts.

    Args:
        event: Its start.
        number: Which of the planned migrations it is, from 1.
        planned: How many are planned.
    """
    place = f" ({number} of {planned})" if planned > 1 else ""
    description = f": {event.description}" if event.description else ""
    return f"Running {event.revision}{place}{description}"


def closing(outcomes: Sequence[Outcome], seconds: float) -> str:
    """Return the line that sums a run up.

    Args:
        outcomes: How its migrations ended.
        seconds: How long all of it took.
    """
    counts = [each.rows_affected for each in outcomes if isinstance(each, Finished)]
    known = [count for count in counts if count is not None]
    total = rows(sum(known))
    if len(known) < len(counts):
        total = f"at least {total}" if sum(known) else rows(None)
    return f"{len(counts)} applied in {span(seconds)}, {total}"


def verdict(event: Finished | Failed | Interrupted | Paused | Verification) -> str:
    """Return how a migration ended, for a screen that has already named it."""
    match event:
        case Finished():
            return f"OK ({event.duration_seconds:.2f}s)"
        case Failed():
            return f"FAILED ({event.duration_seconds:.2f}s)"
        case Interrupted():
            return "INTERRUPTED" if event.batched else "INTERRUPTED, rolled back"
        case Paused():
            return "PAUSED"
        case Verification():
            return f"{'OK' if event.passed else 'FAILED'} ({event.duration_seconds:.2f}s)"
        case _:
            assert_never(event)


def skipped_meanwhile(event: Skipped) -> str:
    """Return that a planned migration was not run, and why, for a screen."""
    by = f" by {event.applied_by}" if event.applied_by else ""
    return f"Skipped {event.revision}: it was applied in the meantime{by}"


def _of_other_runs(event: OtherRuns) -> str:
    match event:
        case Waiting():
            return f"Waiting for {event.revision}, whose lock is held by {event.holder}."
        case Settled():
            became = (
                "was committed, and the entry is now complete"
                if event.status == Status.SUCCESS
                else "was not committed, so it counts as interrupted"
            )
            return (
                f"An earlier attempt at {event.revision} died (log entry {event.history_id});"
                f" its work {became}."
            )
        case Reapplying():
            return (
                f"{event.revision} was applied before (log entry {event.history_id}), but the"
                " database no longer has its mark, as after a restored backup; it is applied again."
            )
        case _:
            assert_never(event)


def _unusual(event: Unusual) -> str:
    match event:
        case OutsideTransaction():
            return (
                f"{event.revision} runs outside of a transaction: what it does stays, even if it"
                " fails."
            )
        case TransactionEnded():
            return (
                f"{event.revision} ended its transaction itself, so delembic could not have rolled"
                " back all of its work."
            )
        case SlowInserts():
            return (
                f"{event.revision} has sent {event.rows:,} rows by INSERT so far;"
                " delembic.bulk_load would send them several times as fast."
            )
        case RecordDelayed():
            return (
                f"The end of {event.revision} could not be recorded ({event.reason}); the next run"
                " will record it."
            )
        case LockLost():
            return (
                f"The lock of {event.revision} was lost with its connection while it ran; the mark"
                " still lets it take effect only once."
            )
        case FilesGone():
            return files_gone(event.revisions)
        case _:
            assert_never(event)


def _course(event: Started | Finished | Skipped | Failed | Blocked | Interrupted) -> str:
    match event:
        case Started():
            return (
                f"Running {event.revision}: attempt {event.attempt}, log entry {event.history_id}."
            )
        case Finished():
            changed = "unknown" if event.rows_affected is None else event.rows_affected
            return (
                f"{event.revision} was applied in {event.duration_seconds:.2f} s;"
                f" rows changed: {changed}."
            )
        case Skipped():
            when = f" at {event.applied_at:%Y-%m-%d %H:%M:%S} UTC" if event.applied_at else ""
            by = f" by {event.applied_by}" if event.applied_by else ""
            return f"{event.revision} was already applied{when}{by}; nothing was run."
        case Failed():
            return f"{event.revision} failed in {event.phase}: {event.reason}"
        case Blocked():
            return f"{event.revision} was not run: it waits for {', '.join(event.waits_for)}."
        case Interrupted():
            what = "its last batch was rolled back" if event.batched else "rolled back"
            return f"{event.revision} was interrupted and {what} (log entry {event.history_id})."
        case _:
            assert_never(event)


def _verification(event: Verifying | Verification) -> str:
    if isinstance(event, Verifying):
        return f"Verifying {event.revision}."
    if event.passed:
        return f"{event.revision} passed its verification in {event.duration_seconds:.2f} s."
    return f"{event.revision} did not pass its verification: {event.reason}"
