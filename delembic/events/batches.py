"""What happens to a migration in batches, as frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a migration in batches has come.

    Example:
        >>> progress = Progress("D012", rows=430_000, batches=43, total=1_000_000)
        >>> progress.fraction
        0.43

    Attributes:
        revision: The migration's revision.
        rows: How many rows are done, or rows of the file, or items.
        batches: In how many batches.
        skipped: How many of the rows were left out.
        size: The size of the next batch.
        total: About how many rows there are in all; ``None`` if nobody knows.
        position: How far the work has come in the range of keys or in the file, from 0 to 1;
            ``None`` if nobody knows.
        rows_per_second: The rate of the last batches; ``None`` before the first.
        held: Whether somebody has paused it.
        updated_at: When the last batch was done, in UTC; ``None`` before the first.
    """

    revision: str
    rows: int = 0
    batches: int = 0
    skipped: int = 0
    size: int = 0
    total: int | None = None
    position: float | None = None
    rows_per_second: float | None = None
    held: bool = False
    updated_at: datetime | None = None

    @property
    def fraction(self) -> float | None:
        """How much of the work is done, from 0 to 1; less than 1 until all of it is."""
        if self.position is not None:
            return self.position
        return min(self.rows / self.total, 0.99) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest takes; ``None`` if nobody knows."""
        done, rate = self.fraction, self.rows_per_second
        if not done or not rate or not self.rows:
            return None
        return self.rows * (1 / done - 1) / rate


@dataclass(frozen=True, slots=True)
class Resuming:
    """The migration goes on where an earlier attempt has stopped.

    Attributes:
        progress: How far that has come.
        changed: Whether the file has been edited in between.
    """

    revision: str
    progress: Progress
    changed: bool = False


@dataclass(frozen=True, slots=True)
class BatchDone:
    """A batch was committed.

    Attributes:
        progress: How far the work has come with it.
        seconds: How long it took.
    """

    revision: str
    progress: Progress
    seconds: float


@dataclass(frozen=True, slots=True)
class BatchRetried:
    """A batch was rolled back and is tried again.

    Attributes:
        reason: The error.
        size: The size with which it is tried.
        wait_seconds: How long the run waits before that.
    """

    revision: str
    reason: str
    size: int
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RowSkipped:
    """A row could not be done and was left out; it is recorded in ``delembic_skipped``.

    Attributes:
        place: Its key, or its place in the file.
        reason: The error.
    """

    revision: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """The run waits before the next batch, because something asks it to.

    Attributes:
        reason: Why; empty when it goes on.
    """

    revision: str
    reason: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The migration has stopped between two batches, because somebody wanted it to.

    Attributes:
        progress: How far it has come.
        held: Whether it waits for ``delembic resume``; if not, the next upgrade goes on.
    """

    revision: str
    history_id: int
    progress: Progress
    held: bool
