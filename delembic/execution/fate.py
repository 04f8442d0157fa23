"""Decides what became of an attempt, from facts alone. Nothing is read or written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from delembic.audit.marks import Mark


@dataclass(frozen=True, slots=True)
class TookEffect:
    """The attempt's work was committed, because the mark is its own."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The work of another attempt was committed, so the work of this one was not."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Raised:
    """The attempt raised an error, and no work was committed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt was stopped or it died, and no work was committed."""


Fate: TypeAlias = TookEffect | Overtaken | Raised | Stopped


def decide(attempt_id: str | None, mark: Mark | None, *, raised: bool = False) -> Fate:
    """Decide what became of an attempt that is over.

    Only the mark counts. It is committed with the work, so it exists if and only if the work does,
    even if the attempt never got a reply to its commit.

    Args:
        attempt_id: The attempt.
        mark: The mark of its revision, read after the attempt was over.
        raised: Whether the attempt's code raised an error or one of its statements failed. If not,
            it was stopped from outside or it died.

    Example:
        >>> decide("an attempt", None, raised=True)
        Raised()
    """
    if mark and mark.applied:
        return TookEffect(mark) if mark.is_of(attempt_id) else Overtaken(mark)
    return Raised() if raised else Stopped()
