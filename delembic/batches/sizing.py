"""How large the next batch is: decided from how the last ones went. Nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass

_NEWEST_WEIGHT = 0.7
"""How much the last batch counts, against all before it, for the rate."""
_STEP = 2.0
"""By how much the size may grow or shrink at once."""


@dataclass(slots=True)
class Sizing:
    """Finds the size with which a batch takes the wanted time.

    Example:
        >>> sizing = Sizing(1_000, seconds=1.0, limits=(100, 100_000))
        >>> sizing.done(rows=1_000, seconds=0.1)
        >>> sizing.size  # ten times as many would fit, but it at most doubles
        2000

    Attributes:
        size: How many rows the next batch should have.
        seconds: How long one should take; ``None`` keeps the size.
        limits: The smallest and the largest size.
        rate: Rows a second, by the last batches; ``None`` before the first.
    """

    size: int
    seconds: float | None
    limits: tuple[int, int]
    rate: float | None = None

    def done(self, rows: int, seconds: float, *, changed: bool = True) -> None:
        """Note a batch that was committed.

        Args:
            rows: How many rows it had.
            seconds: How long it took.
            changed: Whether it has changed anything. If not, it says nothing about the next one.
        """
        if not rows or seconds <= 0:
            return
        newest = rows / seconds
        before = newest if self.rate is None else self.rate
        self.rate = _NEWEST_WEIGHT * newest + (1 - _NEWEST_WEIGHT) * before
        if self.seconds is None:
            return
        wanted = self.rate * self.seconds
        most = self.size * _STEP if changed else self.size
        self._set(min(max(wanted, self.size / _STEP), most))

    def halve(self) -> None:
        """Note that a batch of this size took too long."""
        self._set(self.size / 2)

    def _set(self, size: float) -> None:
        smallest, largest = self.limits
        self.size = int(min(max(size, smallest), largest))


@dataclass(slots=True)
class Search:
    """Finds the row that makes a batch fail, by halving.

    Of the rows of a batch that has failed, one half is tried. If it succeeds, the row is in the
    other half; if it fails, it is in this one.

    Example:
        >>> search = Search()
        >>> search.failed(8)
        True
        >>> search.size
        4
        >>> search.passed(4)  # the first four are well
        >>> search.size
        2

    Attributes:
        size: How many rows to try next; ``None`` if there is no search.
    """

    size: int | None = None
    _left: int = 0

    def failed(self, rows: int) -> bool:
        """Note that a batch has failed.

        Args:
            rows: How many rows it had.

        Returns:
            Whether a smaller one is to be tried. If not, the row is found, and the search ends.
        """
        self._search_in(rows if rows > 1 else 0)
        return self.size is not None

    def passed(self, rows: int) -> None:
        """Note that a batch has succeeded.

        Args:
            rows: How many rows it had.
        """
        self._search_in(self._left - rows)

    def _search_in(self, rows: int) -> None:
        self._left = max(rows, 0)
        self.size = max(self._left // 2, 1) if self._left else None
