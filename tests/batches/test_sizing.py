"""How large the next batch is, and which row makes one fail."""

from __future__ import annotations

import pytest

from delembic.batches.sizing import Search, Sizing

LIMITS = (100, 100_000)


def test_the_size_reaches_what_the_wanted_time_allows_in_a_few_steps() -> None:
    sizing = Sizing(1_000, seconds=1.0, limits=LIMITS)

    for _ in range(6):
        sizing.done(sizing.size, sizing.size / 20_000)

    assert sizing.size == 20_000


def test_it_shrinks_by_half_at_most_when_batches_have_become_slow() -> None:
    sizing = Sizing(10_000, seconds=1.0, limits=LIMITS)

    sizing.done(10_000, 100.0)

    assert sizing.size == 5_000


def test_it_stays_between_its_limits() -> None:
    small, large = (Sizing(150, seconds=1.0, limits=LIMITS), Sizing(90_000, 1.0, LIMITS))

    small.done(150, 100.0)
    large.done(90_000, 0.001)

    assert (small.size, large.size) == LIMITS


def test_a_batch_that_changed_nothing_lets_it_not_grow() -> None:
    sizing = Sizing(1_000, seconds=1.0, limits=LIMITS)

    sizing.done(1_000, 0.001, changed=False)

    assert sizing.size == 1_000


def test_without_a_wanted_time_it_stays_as_it_is() -> None:
    sizing = Sizing(1_000, seconds=None, limits=LIMITS)

    sizing.done(1_000, 0.001)

    assert sizing.size == 1_000
    assert sizing.rate == pytest.approx(1_000_000)


@pytest.mark.parametrize("bad", [1, 2, 500, 511, 512, 513, 1_000])
def test_a_search_finds_the_row_in_few_tries(bad: int) -> None:
    search, first, tries = Search(), 1, 0
    assert search.failed(1_000)
    while search.size is not None:
        tries += 1
        last = first + search.size - 1
        if first <= bad <= last:
            if not search.failed(search.size):
                break
        else:
            search.passed(search.size)
            first = last + 1

    assert first == bad
    assert tries <= 12


def test_a_search_ends_when_the_error_does_not_come_again() -> None:
    search = Search()
    search.failed(8)

    while search.size is not None:
        search.passed(search.size)

    assert search.size is None
