"""Runs, summed up in a line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from delembic.events import Finished, Outcome, Skipped, Started
from delembic.presentation.narration import closing, headline

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def _finished(rows: int | None) -> Finished:
    return Finished("D001", 1, 1, THEN, 1.0, rows)


@pytest.mark.parametrize(
    ("outcomes", "line"),
    [
        ([_finished(13_000), _finished(622)], "2 applied in 2.1 s, 13,622 rows"),
        ([_finished(1), Skipped("D002", THEN, None, None)], "1 applied in 2.1 s, 1 row"),
        ([_finished(5), _finished(None)], "2 applied in 2.1 s, at least 5 rows"),
        ([_finished(0), _finished(None)], "2 applied in 2.1 s, unknown rows"),
    ],
)
def test_a_run_is_summed_up_by_what_is_known(outcomes: list[Outcome], line: str) -> None:
    assert closing(outcomes, 2.13) == line


def test_a_single_migration_is_not_counted() -> None:
    started = Started("D001", "load", 1, 1, "a")

    assert headline(started, 1, 1) == "Running D001: load"
    assert headline(started, 1, 2) == "Running D001 (1 of 2): load"
