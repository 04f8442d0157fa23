"""Durations and counts as people say them."""

from __future__ import annotations

import pytest

from delembic.presentation.figures import duration, moment, rows, seconds_in


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00s"),
        (1.237, "1.24s"),
        (59.994, "59.99s"),
        (59.996, "1m 00s"),
        (60.0, "1m 00s"),
        (185.4, "3m 05s"),
        (3599.4, "59m 59s"),
        (3599.6, "1h 00m 00s"),
        (7384.0, "2h 03m 04s"),
        (180_000.0, "50h 00m 00s"),
        (-0.5, "-0.50s"),  # the clock was put back meanwhile
        (None, ""),
    ],
)
def test_a_duration_has_the_precision_that_fits_its_size(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (13622, "13,622 rows"), (None, "unknown rows")]
)
def test_rows_are_counted_in_words(count: int | None, text: str) -> None:
    assert rows(count) == text


def test_a_moment_may_be_unknown() -> None:
    assert moment(None) == "at an unknown time"


@pytest.mark.parametrize("text", ["", "soon", "-5", "2 h", "1m1h", "h", "1e3", "½h"])
def test_what_is_no_length_of_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no length of time\. Write it as 2h, 30m or 45s\."):
        seconds_in(text)
