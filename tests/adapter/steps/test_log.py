"""Each event of an attempt as a line in the log of its step."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dagster import build_op_context

from delembic import events
from delembic_dagster.steps.log import StepLog


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.Settled("D1", 7, "success"),
            "its work was committed, and the entry is now complete",
        ),
        (events.RecordDelayed("D1", 7, "gone"), "could not be recorded (gone)"),
        (events.LockLost("D1"), "The lock of D1 was lost"),
        (events.FilesGone(("D1",)), "1 applied revision has no file: D1."),
        (events.Interrupted("D1", 7), "D1 was interrupted and rolled back (log entry 7)."),
        (
            events.Skipped("D1", datetime(2026, 1, 2, 3, tzinfo=UTC), None, None),
            "D1 was already applied at 2026-01-02 03:00:00 UTC; nothing was run.",
        ),
        (events.Skipped("D1", None, "ann@db1", 3), "D1 was already applied by ann@db1; nothing"),
    ],
)
def test_every_relevant_event_has_a_line(
    event: events.Event, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with build_op_context() as context:
        StepLog(context.log).write(event)

    assert line in "".join(capfd.readouterr())
