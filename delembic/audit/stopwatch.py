"""When something began, and how long it has taken."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Runs from its creation. The clock of the machine may be set meanwhile without any effect.

    So an end is never recorded before its beginning.

    Attributes:
        started_at: When it was created, in UTC, by the clock of the machine.

    Example:
        >>> stopwatch = Stopwatch()
        >>> stopwatch.now >= stopwatch.started_at
        True
    """

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The time since the beginning, in seconds."""
        return time.monotonic() - self._begun

    @property
    def now(self) -> datetime:
        """The present time, in UTC, as the beginning and the time since then."""
        return self.started_at + timedelta(seconds=self.seconds)
