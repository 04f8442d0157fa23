"""The events of an attempt as lines in the log of the Dagster step."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from dagster import DagsterLogManager

from delembic import Milestones, Progress, narrate
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
    """Writes each event of an attempt as it happens, and keeps how it ended.

    A batch may take a second, and the work a night. So not each of them has a line.

    Args:
        log: The log of the step.
        on_progress: Is told how far a migration in batches has come, as often as the log is.

    Attributes:
        failed: The failure, if there was one.
        paused: The stop before the end, if there was one.
        progress: How far it has come, if it works in batches.
    """

    def __init__(
        self, log: DagsterLogManager, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        self._log, self._on_progress = log, on_progress
        self._milestones = Milestones()
        self.failed: Failed | None = None
        self.paused: Paused | None = None
        self.progress: Progress | None = None

    def write(self, event: Event) -> None:
        """Write the line for an event, if it has one."""
        match event:
            case Started() | Finished() | Skipped():
                self._log.info(narrate(event))
            case Waiting() | Settled() | TransactionEnded() | RecordDelayed() | LockLost():
                self._log.warning(narrate(event))
            case Interrupted() | OutsideTransaction() | SlowInserts():
                self._log.warning(narrate(event))
            case Reapplying() | FilesGone():
                self._log.warning(narrate(event))
            case Resuming() | BatchDone() | BatchRetried() | RowSkipped() | Throttled() | Paused():
                self._write_batches(event)
            case Failed():
                self.failed = event  # the step's own failure reports it
            case Planned() | Blocked() | Verifying() | Verification():
                pass  # the step's results report these
            case _:
                assert_never(event)

    def _write_batches(
        self, event: BatchDone | BatchRetried | Paused | Resuming | RowSkipped | Throttled
    ) -> None:
        match event:
            case Resuming():
                self._milestones.begin(event.progress)
                self._tell(event)
            case BatchDone():
                self._tell(event)
            case Throttled():
                self._log.info(narrate(event))
            case BatchRetried() | RowSkipped():
                self._log.warning(narrate(event))
            case Paused():
                self.paused, self.progress = event, event.progress
                self._log.warning(narrate(event))
            case _:
                assert_never(event)

    def _tell(self, event: Resuming | BatchDone) -> None:
        self.progress = event.progress
        if isinstance(event, Resuming) or self._milestones.is_reached(event.progress):
            self._log.info(narrate(event))
            if self._on_progress:
                self._on_progress(event.progress)
