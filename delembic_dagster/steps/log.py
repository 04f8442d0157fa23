"""The events of an attempt as lines in the log of the Dagster step."""

from __future__ import annotations

from typing import assert_never

from dagster import DagsterLogManager

from delembic import narrate
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


class StepLog:
    """Writes each event of an attempt as it happens, and keeps its failure.

    Args:
        log: The log of the step.

    Attributes:
        failed: The failure, if there was one.
    """

    def __init__(self, log: DagsterLogManager) -> None:
        self._log = log
        self.failed: Failed | None = None

    def write(self, event: Event) -> None:
        """Write the line for an event, if it has one."""
        match event:
            case Started() | Finished() | Skipped():
                self._log.info(narrate(event))
            case Waiting() | Settled() | TransactionEnded() | RecordDelayed() | LockLost():
                self._log.warning(narrate(event))
            case Interrupted() | Paused() | OutsideTransaction() | SlowInserts():
                self._log.warning(narrate(event))
            case Reapplying() | FilesGone():
                self._log.warning(narrate(event))
            case Resuming() | BatchDone() | Throttled():
                self._log.info(narrate(event))
            case BatchRetried() | RowSkipped():
                self._log.warning(narrate(event))
            case Failed():
                self.failed = event  # the step's own failure reports it
            case Planned() | Blocked() | Verifying() | Verification():
                pass  # the step's results report these
            case _:
                assert_never(event)
