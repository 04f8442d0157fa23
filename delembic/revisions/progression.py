"""Tracks which revisions can run now, which are done, which failed, and which are held up.

It only records how each revision ended. It opens, runs and awaits nothing itself. The caller asks
it which revisions may begin, one at a time or several in parallel.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping


class Progression:
    """The progress through a plan.

    Args:
        waits_for: The revisions of the plan in execution order, each with its dependencies.
            Dependencies outside the plan hold nothing up.

    Example:
        >>> progression = Progression({"D001": [], "D002": ["D001"], "D003": []})
        >>> progression.ready
        ('D001', 'D003')
        >>> progression.fail("D001")
        >>> progression.ready, progression.held_up
        (('D003',), {'D002': ('D001',)})
    """

    def __init__(self, waits_for: Mapping[str, Iterable[str]]) -> None:
        self._waits_for = {
            revision: tuple(dict.fromkeys(name for name in names if name in waits_for))
            for revision, names in waits_for.items()
        }
        self._place = {revision: place for place, revision in enumerate(waits_for)}
        self._missing = {revision: set(names) for revision, names in self._waits_for.items()}
        self._dependants: dict[str, list[str]] = {revision: [] for revision in waits_for}
        for revision, names in self._waits_for.items():
            for name in names:
                self._dependants[name].append(revision)
        self._ready = {revision for revision, names in self._missing.items() if not names}
        self._queue = sorted(map(self._place.__getitem__, self._ready))
        self._begun: set[str] = set()
        self._failed: dict[str, None] = {}  # a set that keeps the order
        self._halted = False

    @property
    def ready(self) -> tuple[str, ...]:
        """The revisions that may begin now, in execution order."""
        return () if self._halted else tuple(sorted(self._ready, key=self._place.__getitem__))

    @property
    def failed(self) -> tuple[str, ...]:
        """The revisions that have failed, in the order in which they failed."""
        return tuple(self._failed)

    @property
    def held_up(self) -> dict[str, tuple[str, ...]]:
        """The revisions that will not begin, in execution order, each with what holds it up.

        A revision is held up by its dependencies that failed or are held up themselves. After a
        `halt`, nothing more begins, and any other revision is held up by the last failure.
        """
        found: dict[str, tuple[str, ...]] = {}
        for revision, names in self._waits_for.items():
            if revision in self._begun:
                continue
            obstacles = tuple(name for name in names if name in self._failed or name in found)
            if obstacles or self._halted:
                found[revision] = obstacles or self.failed[-1:]
        return found

    def begin(self, revision: str) -> None:
        """Note that a revision has begun, so that it is not offered again."""
        self._begun.add(revision)
        self._ready.discard(revision)

    def succeed(self, revision: str) -> None:
        """Note that a revision has taken effect, now or before."""
        self.begin(revision)
        for dependant in self._dependants[revision]:
            self._missing[dependant].discard(revision)
            if not self._missing[dependant] and dependant not in self._begun:
                self._ready.add(dependant)
                heapq.heappush(self._queue, self._place[dependant])

    def fail(self, revision: str) -> None:
        """Note that a revision has not taken effect; what depends on it will not begin."""
        self.begin(revision)
        self._failed[revision] = None

    def halt(self) -> None:
        """Let no further revision begin, regardless of dependencies."""
        self._halted = True

    def one_by_one(self) -> Iterator[str]:
        """Yield the revisions that may begin, one at a time.

        Before the caller asks for the next one, it records how the previous one ended. The total
        time is proportional to the size of the plan, not to its square.
        """
        order = [*self._place]
        while self._queue and not self._halted:
            revision = order[heapq.heappop(self._queue)]
            if revision in self._ready:
                self.begin(revision)
                yield revision
