"""What happens in an attempt, as lines in the log of the Dagster step."""

from __future__ import annotations

from functools import singledispatchmethod

from dagster import DagsterLogManager

from delembic import events


class StepLog:
    """Writes each event of an attempt as it happens, and remembers how it failed.

    Args:
        log: The log of the step.

    Attributes:
        failed: The failure, if there was one.
    """

    def __init__(self, log: DagsterLogManager) -> None:
        self._log = log
        self.failed: events.Failed | None = None

    @singledispatchmethod
    def show(self, event: events.Event) -> None:
        """Write what there is to say of an event; some are said by the step's own result."""

    @show.register
    def _(self, event: events.Waiting) -> None:
        self._log.warning(str(event))

    @show.register
    def _(self, event: events.Settled) -> None:
        self._log.warning(str(event))

    @show.register
    def _(self, event: events.Started) -> None:
        self._log.info(
            f"Running {event.revision}, attempt {event.attempt}, audit row {event.history_id}."
        )

    @show.register
    def _(self, event: events.TransactionEnded) -> None:
        self._log.warning(str(event))

    @show.register
    def _(self, event: events.Finished) -> None:
        self._log.info(
            f"{event.revision} is applied in {event.duration_seconds:.2f} s;"
            f" rows changed: {event.rows_affected}."
        )

    @show.register
    def _(self, event: events.Skipped) -> None:
        when = f" at {event.applied_at:%Y-%m-%d %H:%M:%S} UTC" if event.applied_at else ""
        by = f" by {event.applied_by}" if event.applied_by else ""
        self._log.info(f"{event.revision} was applied already{when}{by}; nothing was run.")

    @show.register
    def _(self, event: events.Failed) -> None:
        self.failed = event

    @show.register
    def _(self, event: events.Interrupted) -> None:
        self._log.warning(
            f"{event.revision} was interrupted and rolled back, audit row {event.history_id}."
        )

    @show.register
    def _(self, event: events.RecordDelayed) -> None:
        self._log.warning(str(event))

    @show.register
    def _(self, event: events.LockLost) -> None:
        self._log.warning(str(event))
