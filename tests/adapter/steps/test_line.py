"""A line of output as a terminal shows it."""

from __future__ import annotations

import time

import pytest

from delembic_dagster.steps.line import Line


def _shown(*texts: str, clock: list[float] | None = None) -> list[str]:
    shown: list[str] = []
    times = iter(clock) if clock else None
    line = Line(100, shown.append, (lambda: next(times)) if times else (lambda: 0.0))
    for text in texts:
        line.write(text)
    line.end()
    return shown


@pytest.mark.parametrize(
    ("texts", "last"),
    [
        (["abc"], "abc"),
        (["a", "b", "c"], "abc"),
        (["1 %\r2 %\r3 %"], "3 %"),
        (["\r1 %", "\r2 %", "\r", "3", " %"], "3 %"),
        (["1 %\r", "2 %\r"], "2 %"),
        (["a line\r"], "a line"),  # before a line break, as on Windows
        (["x" * 70, "y" * 70], "x" * 70 + "y" * 30),
        (["\r" * 5], ""),
    ],
)
def test_what_follows_the_last_carriage_return_is_left(texts: list[str], last: str) -> None:
    assert _shown(*texts)[-1] == last


def test_versions_are_shown_while_it_changes_at_growing_intervals() -> None:
    seconds = [float(second) for second in range(200)]

    shown = _shown(*(f"\r{n}" for n in range(199)), clock=seconds)

    # Each version is shown when the next one begins.
    assert shown == ["0", "1", "3", "7", "15", "31", "63", "123", "183", "198"]


def test_many_writes_take_no_more_time_than_their_number() -> None:
    def seconds(writes: int) -> float:
        line = Line(8_000, lambda text: None)
        start = time.process_time()
        for n in range(writes):
            line.write(f"\r{n} rows" if n % 2 else "x")
        return time.process_time() - start

    # Twenty times the writes. Copying the line each time would take four hundred times as long.
    assert seconds(200_000) < 200 * max(seconds(10_000), 0.001)
