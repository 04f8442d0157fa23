"""A line of output as a terminal shows it: a carriage return begins it anew."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

_SHORTEST_SECONDS, _LONGEST_SECONDS = 1.0, 60.0


class Line:
    """The line that is being written, up to a length.

    A progress line is written over and over. Some of its versions are shown while it changes, at
    growing intervals, and the last one when it ends.

    Args:
        longest: How many characters are kept.
        show: Gets each version to show.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, longest: int, show: Callable[[str], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._longest = longest
        self._show = show
        self._clock = clock
        self._parts: list[str] = []
        self._room = longest
        self._returned = False
        self._interval = _SHORTEST_SECONDS
        self._due = clock()

    def write(self, text: str) -> None:
        """Write text without a line break."""
        first, *anew = text.split("\r")
        self._append(first)
        for version in anew:
            self._returned = True
            self._append(version)

    def end(self) -> None:
        """Show the line as it is now, and begin the next one."""
        self._show("".join(self._parts))
        self._begin()

    def _append(self, text: str) -> None:
        if not text:
            return
        if self._returned:
            self._show_if_due()
            self._begin()
        if self._room > 0:
            self._parts.append(text[: self._room])
            self._room -= len(text)

    def _begin(self) -> None:
        self._parts.clear()
        self._room = self._longest
        self._returned = False

    def _show_if_due(self) -> None:
        now = self._clock()
        if self._parts and now >= self._due:
            self._show("".join(self._parts))
            self._due = now + self._interval
            self._interval = min(2 * self._interval, _LONGEST_SECONDS)
