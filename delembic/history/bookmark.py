"""A position in the audit log, so that a reader misses nothing and reads nothing twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

from delembic.audit.entries import LogEntry
from delembic.status import Status

_MOST_RUNNING = 1_000
_MOST_INTERRUPTED = 200
_MOST_GAPS = 100
_MOST_TRIES = 20
NEWEST_IN_FULL = 100
"""How many of the newest attempts a first reading returns in full."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that were missing when higher ones were already there.

    A database assigns numbers before it commits, so 8 may appear before 7. Most gaps are never
    filled, because a server may skip numbers. So each gap is checked a limited number of times.
    """

    first: int
    last: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A position in the audit log from which to read on. A new one is the beginning.

    Attempts do not end in the order in which they began, nor do their rows become visible in the
    order of their numbers, and an interrupted attempt may turn out to have been committed. So a
    bookmark also lists the earlier rows that may still change.

    Attributes:
        last_id: The highest number that was read.
        anchor: The ``attempt_id`` of that row. If the log has no such row, it is another log, and
            reading starts again from the beginning.
        skimming: Whether the first reading, which skips what no longer matters, is in progress.
        running: The rows that had no end.
        interrupted: The rows that may turn out to have succeeded.
        again: The rows that the reader wants to read once more.
        gaps: The numbers that were missing.

    Example:
        >>> Bookmark.from_text(Bookmark(last_id=7, skimming=False).as_text()).last_id
        7
        >>> Bookmark.from_text("what some other program wrote") == Bookmark()
        True
    """

    last_id: int = 0
    anchor: str | None = None
    skimming: bool = True
    running: tuple[int, ...] = ()
    interrupted: tuple[int, ...] = ()
    again: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def from_text(cls, text: str | None) -> Bookmark:
        """Return the bookmark that `as_text` wrote, or the beginning if it cannot be read."""
        try:
            return _parsed(json.loads(text or "{}"))
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls()

    def as_text(self) -> str:
        """Return the bookmark as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def keeping(self, ids: Iterable[int]) -> Bookmark:
        """Return this bookmark with rows that the next reading returns once more."""
        return replace(self, again=tuple(sorted({*self.again, *ids})))

    def without(self, foreign: Collection[int]) -> Bookmark:
        """Return this bookmark without the numbers that turned out to be missing from no log.

        Args:
            foreign: The numbers of entries that belong to other work databases.
        """
        gaps = (_missing(gap.first, gap.last, foreign, gap.tries) for gap in self.gaps)
        return replace(self, gaps=tuple(chain.from_iterable(gaps))[-_MOST_GAPS:])

    def leads_into(self, rows: Collection[LogEntry]) -> bool:
        """Whether rows that were read from here belong to the same log as before."""
        anchors = [row.attempt_id for row in rows if row.id == self.last_id]
        return not self.last_id or anchors == [self.anchor]

    def news_in(self, rows: Iterable[LogEntry]) -> list[LogEntry]:
        """Return the rows without the anchor, unless the anchor itself has news."""
        return [row for row in rows if row.id != self.last_id or self._is_news(row)]

    def after(self, rows: Sequence[LogEntry], *, complete: bool) -> Bookmark:
        """Return the bookmark that follows rows that were read from here, lowest number first.

        Args:
            rows: The rows that were read.
            complete: Whether these were all rows; if not, the next reading returns the rest.
        """
        read = {row.id for row in rows}
        last = max((row for row in rows if row.id > self.last_id), key=_id, default=None)
        running = {row.id for row in rows if row.status == Status.RUNNING}
        interrupted = {row.id for row in rows if row.status == Status.INTERRUPTED}
        return Bookmark(
            last_id=last.id if last else self.last_id,
            anchor=last.attempt_id if last else self.anchor,
            skimming=self.skimming and not complete,
            running=_newest(running.union(set(self.running) - read), _MOST_RUNNING),
            interrupted=_newest(interrupted.union(set(self.interrupted) - read), _MOST_INTERRUPTED),
            again=tuple(id_ for id_ in self.again if id_ not in read),
            gaps=tuple(self._gaps(read, complete))[-_MOST_GAPS:],
        )

    def _is_news(self, row: LogEntry) -> bool:
        if row.id in self.running:
            return row.status != Status.RUNNING
        if row.id in self.interrupted:
            return row.status == Status.SUCCESS
        return row.id in self.again

    def _gaps(self, read: set[int], complete: bool) -> Iterator[Gap]:
        for gap in self.gaps:
            tries = gap.tries + complete
            if tries < _MOST_TRIES:
                yield from _missing(gap.first, gap.last, read, tries)
        newest = max(read, default=0)
        begin = self.last_id
        if self.skimming:
            # A first reading skips rows, which are not missing; only its end is read in full.
            begin = max(begin, newest - NEWEST_IN_FULL) if complete else newest
        yield from _missing(begin + 1, newest, read, 0)


def _missing(first: int, last: int, read: Collection[int], tries: int) -> Iterator[Gap]:
    """Return the gaps between two numbers, given the numbers that were read."""
    for id_ in sorted(id_ for id_ in read if first <= id_ <= last):
        if first < id_:
            yield Gap(first, id_ - 1, tries)
        first = id_ + 1
    if first <= last:
        yield Gap(first, last, tries)


def _newest(ids: Collection[int], most: int) -> tuple[int, ...]:
    return tuple(sorted(ids)[-most:])


def _id(row: LogEntry) -> int:
    return row.id


def _parsed(values: dict[str, Any]) -> Bookmark:
    anchor = values.get("anchor")
    gaps = tuple(
        Gap(int(gap["first"]), int(gap["last"]), int(gap["tries"])) for gap in values["gaps"]
    )
    return Bookmark(
        last_id=int(values["last_id"]),
        anchor=None if anchor is None else str(anchor),
        skimming=bool(values["skimming"]),
        running=_ids(values["running"]),
        interrupted=_ids(values["interrupted"]),
        again=_ids(values["again"]),
        gaps=gaps,
    )


def _ids(values: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
