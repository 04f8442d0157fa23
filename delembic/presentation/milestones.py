"""Which steps of long work are worth telling: a share of it, or some time, after the last one."""

from __future__ import annotations

from time import monotonic

from delembic.events import Progress

_EVERY_SECONDS = 30.0
_EVERY_SHARE, _LEAST_SECONDS = 0.05, 1.0


class Milestones:
    """Says of each step of a migration in batches whether it is worth a line.

    It is after 5 % of the work, but not more than once a second, and after 30 seconds in any case.

    Example:
        >>> from delembic import Progress
        >>> Milestones().is_reached(Progress("D012", rows=100, total=1_000))  # at once
        False
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self, progress: Progress | None = None) -> None:
        """Begin anew, as when a migration begins or goes on.

        Args:
            progress: How far it has come before.
        """
        self._told_at = monotonic()
        self._told_share = (progress.fraction if progress else None) or 0.0

    def is_reached(self, progress: Progress) -> bool:
        """Return whether this step is worth telling; if it is, the next one is counted from it."""
        waited = monotonic() - self._told_at
        grown = (progress.fraction or 0.0) - self._told_share >= _EVERY_SHARE
        if waited >= _EVERY_SECONDS or (grown and waited >= _LEAST_SECONDS):
            self.begin(progress)
            return True
        return False
