"""How often each version of a migration was requested, as the cursor of a sensor keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

_AT_ONCE = 3
"""How many requests of one version follow each other without a pause."""

_FIRST_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 3600.0
_MOST_DOUBLINGS = 10


class _Asked(BaseModel):
    """The requests of one version.

    Attributes:
        times: How many there were.
        last: When the last one was made, in seconds since the epoch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: int
    last: float

    @property
    def due(self) -> float:
        """When the next request may be made."""
        if self.times < _AT_ONCE:
            return self.last
        doublings = min(self.times - _AT_ONCE, _MOST_DOUBLINGS)
        return self.last + min(_FIRST_PAUSE_SECONDS * (1 << doublings), _LONGEST_PAUSE_SECONDS)


class _Cursor(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    asked: dict[str, _Asked]


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of versions that are not applied yet.

    A run that ends before delembic can record anything leaves a migration pending, such as one
    whose image cannot be pulled. It is requested again, but with growing pauses.

    Example:
        >>> requests = Requests()
        >>> for second in range(3):
        ...     requests = requests.noting(["D001 a1b2"], now=second)
        >>> requests.are_due(["D001 a1b2"], now=3), requests.are_due(["D001 c3d4"], now=3)
        (False, True)
        >>> requests.next_time(["D001 a1b2"])
        '1970-01-01 00:01:02 UTC'
    """

    _asked: dict[str, _Asked] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Requests:
        """Return what a cursor holds; nothing if it cannot be read."""
        try:
            return cls(_Cursor.model_validate_json(cursor or "").asked)
        except ValidationError:
            return cls()

    def as_cursor(self) -> str:
        """Return a text from which `from_cursor` makes the same value."""
        return _Cursor(asked=self._asked).model_dump_json()

    def keeping(self, versions: Collection[str]) -> Requests:
        """Return the requests of some versions only, so that the cursor does not grow."""
        return Requests({name: each for name, each in self._asked.items() if name in versions})

    def noting(self, versions: Iterable[str], now: float) -> Requests:
        """Return these requests and one more of each of the versions."""
        times = {name: each.times for name, each in self._asked.items()}
        noted = {name: _Asked(times=times.get(name, 0) + 1, last=now) for name in versions}
        return Requests(self._asked | noted)

    def are_due(self, versions: Iterable[str], now: float) -> bool:
        """Return whether some of the versions can be requested without a pause."""
        return any(name not in self._asked or self._asked[name].due <= now for name in versions)

    def next_time(self, versions: Iterable[str]) -> str:
        """Return when the first of the versions is due, for people. All were requested before."""
        due = min(self._asked[name].due for name in versions)
        return f"{datetime.fromtimestamp(due, UTC):%Y-%m-%d %H:%M:%S} UTC"
