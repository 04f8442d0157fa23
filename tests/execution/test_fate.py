"""What became of an attempt, decided from its mark alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from delembic.audit.marks import Mark
from delembic.execution.fate import Fate, Overtaken, Raised, Stopped, TookEffect, decide

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
OWN = Mark("D001", THEN, "success", 1.0, "own", "0" * 64)
OTHERS = Mark("D001", THEN, "success", 1.0, "another", "0" * 64)
FAILURE = Mark("D001", THEN, "failed", 1.0, "own", "0" * 64)
FROM_1 = Mark("D001", THEN, "success", 1.0, None, None)


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize(
    ("mark", "fate"),
    [(OWN, TookEffect(OWN)), (OTHERS, Overtaken(OTHERS)), (FROM_1, Overtaken(FROM_1))],
    ids=["its own", "another's", "of delembic 1.x"],
)
def test_the_mark_of_a_success_tells_whatever_the_attempt_has_heard(
    mark: Mark, fate: Fate, raised: bool
) -> None:
    assert decide("own", mark, raised=raised) == fate


@pytest.mark.parametrize("mark", [None, FAILURE], ids=["no mark", "a failure's"])
def test_without_one_it_raised_or_was_stopped(mark: Mark | None) -> None:
    assert decide("own", mark, raised=True) == Raised()
    assert decide("own", mark) == Stopped()


def test_an_attempt_without_a_name_never_took_effect() -> None:
    assert decide(None, FROM_1) == Overtaken(FROM_1)
