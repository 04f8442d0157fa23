"""What happens in a run, as frozen records. Anything that reports on a run reads only these.

Events hold facts. `delembic.presentation.narration` turns them into sentences.
"""

from __future__ import annotations

from collections.abc import Callable

from delembic.events.batches import (
    BatchDone,
    BatchRetried,
    Paused,
    Progress,
    Resuming,
    RowSkipped,
    Throttled,
)
from delembic.events.runs import (
    Blocked,
    Failed,
    FilesGone,
    Finished,
    Interrupted,
    LockLost,
    OutsideTransaction,
    Planned,
    Reapplying,
    RecordDelayed,
    Settled,
    Skipped,
    SlowInserts,
    Started,
    TransactionEnded,
    Verification,
    Verifying,
    Waiting,
)

__all__ = [
    "BatchDone",
    "BatchRetried",
    "Blocked",
    "Event",
    "Failed",
    "FilesGone",
    "Finished",
    "Interrupted",
    "Listener",
    "LockLost",
    "Outcome",
    "OutsideTransaction",
    "Paused",
    "Planned",
    "Progress",
    "Reapplying",
    "RecordDelayed",
    "Resuming",
    "RowSkipped",
    "Settled",
    "Skipped",
    "SlowInserts",
    "Started",
    "Throttled",
    "TransactionEnded",
    "Verification",
    "Verifying",
    "Waiting",
    "ignore",
]

Event = (
    BatchDone
    | BatchRetried
    | Blocked
    | Failed
    | FilesGone
    | Finished
    | Interrupted
    | LockLost
    | OutsideTransaction
    | Paused
    | Planned
    | Reapplying
    | RecordDelayed
    | Resuming
    | RowSkipped
    | Settled
    | Skipped
    | SlowInserts
    | Started
    | Throttled
    | TransactionEnded
    | Verification
    | Verifying
    | Waiting
)
"""All that can happen in a run."""

Outcome = Finished | Skipped
"""How an attempt without an error ends."""

Listener = Callable[[Event], None]
"""What is called with each event as it happens. It must not raise."""


def ignore(event: Event) -> None:
    """Ignore an event; the default listener."""
