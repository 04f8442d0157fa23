"""Which steps of long work are worth telling."""

from __future__ import annotations

from itertools import count

import pytest

from delembic import Milestones, Progress


def reached(
    monkeypatch: pytest.MonkeyPatch, step_seconds: float, percents: list[int | None]
) -> list[int | None]:
    """The steps that are told, of steps that take so long and come so far."""
    times = count(0.0, step_seconds)
    now = [next(times)]
    monkeypatch.setattr("delembic.presentation.milestones.monotonic", lambda: now[0])
    milestones, told = Milestones(), []
    for percent in percents:
        now[0] = next(times)
        position = None if percent is None else percent / 100
        if milestones.is_reached(Progress("D001", rows=1, position=position)):
            told.append(percent)
    return told


def test_every_twentieth_of_the_work_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reached(monkeypatch, 2.0, [1, 4, 5, 6, 9, 11, 30]) == [5, 11, 30]


def test_fast_work_is_told_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reached(monkeypatch, 0.5, [10, 20, 30, 40, 50]) == [20, 40]


def test_slow_work_and_work_of_unknown_length_is_told_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert reached(monkeypatch, 10.0, [1, 1, 2, 2, 2, 3]) == [2, 3]
    assert len(reached(monkeypatch, 10.0, [None] * 6)) == 2


def test_what_was_done_before_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("delembic.presentation.milestones.monotonic", lambda: now[0])
    milestones = Milestones()
    milestones.begin(Progress("D001", rows=1, position=0.5))
    now[0] = 2.0

    assert not milestones.is_reached(Progress("D001", rows=1, position=0.54))
    assert milestones.is_reached(Progress("D001", rows=1, position=0.56))
