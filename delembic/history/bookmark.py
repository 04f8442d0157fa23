"""How far somebody has read in the audit log, so that nothing is missed and nothing read twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from delembic.audit.entries import LogEntry
from delembic.status import Status

_MOST_RUNNING = 1_000
_MOST_INTERRUPTED = 200
_MOST_GAPS = 100
_MOST_TRIES = 20
NEWEST_IN_FULL = 100
"""So many of the newest attempts a first reading gives in full; of older ones what still counts."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that were not there when higher ones were.

    A database gives out the numbers before it commits, so 8 may be there before 7. Most gaps are
    never filled (a server may leave out numbers), so each is looked at a limited number of times.
    """

    first: int
    last: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place in the audit log to read on from; a new one is the beginning.

    Rows do not end in the order in which they began, nor do they become visible in the order of
    their numbers, and an interrupted one may turn out to have been committed. So beside the place
    there are the rows behind it that may still change.

    Attributes:
        last_id: The highest row that was read.
        anchor: That row's ``attempt_id``. If the row is no longer there, this is another log, and
            reading starts afresh.
        skimming: The first reading is under way, which leaves out what no longer counts.
        running: Rows that had no end.
        interrupted: Rows that may yet turn out to have succeeded.
        again: Rows that the reader wants to see once more.
        gaps: Numbers that were not there yet.

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
        """Return the bookmark that `as_text` wrote down; the beginning, if it cannot be read."""
        try:
            return _parsed(json.loads(text or "{}"))
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls()

    def as_text(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def keeping(self, ids: Iterable[int]) -> Bookmark:
        """Return this place, with rows that are to be read once more the next time."""
        return replace(self, again=tuple(sorted({*self.again, *ids})))

    def leads_into(self, rows: Collection[LogEntry]) -> bool:
        """Tell whether rows that were read from here are of the same log as those before."""
        anchors = [row.attempt_id for row in rows if row.id == self.last_id]
        return not self.last_id or anchors == [self.anchor]

    def news_in(self, rows: Iterable[LogEntry]) -> list[LogEntry]:
        """Return the rows without the one that only shows that this is the same log."""
        return [row for row in rows if row.id != self.last_id or self._is_news(row)]

    def after(self, rows: Sequence[LogEntry], *, complete: bool) -> Bookmark:
        """Return the place behind rows that were read from here, lowest number first.

        Args:
            rows: What was there.
            complete: Whether that was all; if not, the next reading gives the rest.
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
            # What a first reading leaves out is not missing; its end is read in full.
            begin = max(begin, newest - NEWEST_IN_FULL) if complete else newest
        yield from _missing(begin + 1, newest, read, 0)


def _missing(first: int, last: int, read: Collection[int], tries: int) -> Iterator[Gap]:
    """Return the stretches between two numbers that were not read."""
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
