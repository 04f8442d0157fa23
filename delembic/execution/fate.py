"""What became of an attempt. Here it is decided, from facts alone; nothing is read or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from delembic.audit.marks import Mark


@dataclass(frozen=True, slots=True)
class TookEffect:
    """Its work was committed: the mark is its own."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Another attempt's work was committed, so this one's was not."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Raised:
    """It raised, and nobody's work was committed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """It was stopped or it died, and nobody's work was committed."""


Fate: TypeAlias = TookEffect | Overtaken | Raised | Stopped


def decide(attempt_id: str | None, mark: Mark | None, *, raised: bool = False) -> Fate:
    """Decide what became of an attempt that is over.

    The mark is the only witness. It is committed with the work, so it is there exactly if the work
    is, whatever the attempt itself has heard of its commit.

    Args:
        attempt_id: Which attempt.
        mark: Its revision's mark, read after the attempt was over.
        raised: Whether its own code raised, or a statement of its own failed. If not, it was
            stopped from outside or it died.

    Example:
        >>> decide("an attempt", None, raised=True)
        Raised()
    """
    if mark and mark.applied:
        return TookEffect(mark) if mark.is_of(attempt_id) else Overtaken(mark)
    return Raised() if raised else Stopped()
