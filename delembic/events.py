"""What happens in a run, as frozen records. Whoever shows a run reads these and nothing else.

They hold facts. `delembic.presentation.narration` puts them into words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made and checked; running it begins now."""

    revisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another runner holds the lock. Said once for each revision that has to wait."""

    revision: str
    holder: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A runner that died had left a row without an end; it has one now.

    Attributes:
        status: ``success`` if its work had been committed, else ``interrupted``.
    """

    revision: str
    history_id: int
    status: str


@dataclass(frozen=True, slots=True)
class Started:
    """The attempt is on record, and the work begins."""

    revision: str
    description: str
    attempt: int
    history_id: int
    attempt_id: str

    @property
    def run_id(self) -> str:
        """The attempt's name, under the name of its column."""
        return self.attempt_id


@dataclass(frozen=True, slots=True)
class OutsideTransaction:
    """The migration runs outside of a transaction, so nothing of it can be rolled back."""

    revision: str


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """The migration committed or rolled back by itself, so not all of it can be rolled back."""

    revision: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The migration has taken effect.

    Attributes:
        applied_at: When, in UTC.
        rows_affected: Rows inserted, updated and deleted, as far as the driver tells.
    """

    revision: str
    history_id: int
    attempt: int
    applied_at: datetime
    duration_seconds: float
    rows_affected: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """The migration has taken effect before; nothing was run.

    Attributes:
        applied_at: When it did, in UTC, if that is known.
        applied_by: Who ran it, if the audit log tells.
        history_id: The row of the attempt that applied it, if the audit log has it.
        checksum: SHA-256 of the file that was run then; it may have been edited since.
    """

    revision: str
    applied_at: datetime | None
    applied_by: str | None
    history_id: int | None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The migration raised.

    Attributes:
        phase: How far it had come: see `delembic.Phase`.
        rolled_back: Whether all of its work is undone; not so if it had committed by itself.
    """

    revision: str
    history_id: int
    attempt: int
    phase: str
    reason: str
    duration_seconds: float
    rolled_back: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    """The migration was not run, because others that it depends on are not applied."""

    revision: str
    history_id: int
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The operator stopped the run; the work of this migration is rolled back."""

    revision: str
    history_id: int


@dataclass(frozen=True, slots=True)
class RecordDelayed:
    """The end of an attempt could not be written; the next run will, from the mark."""

    revision: str
    history_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class LockLost:
    """The lock was lost while the migration ran, with the session that held it.

    The mark kept the effect single all the same.
    """

    revision: str


@dataclass(frozen=True, slots=True)
class Verifying:
    """The ``validate`` of an applied migration begins to look at the data."""

    revision: str
    description: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What the ``validate`` of an applied migration found in the data as it is now.

    Whatever it was, the migration stays applied.

    Example:
        >>> from datetime import UTC, datetime
        >>> then = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        >>> found = Verification("D001", False, "AssertionError: 7 rows", then, 0.02, 12)
        >>> found.passed, found.reason
        (False, 'AssertionError: 7 rows')

    Attributes:
        revision: Which migration.
        passed: Whether the data is what ``validate`` expects.
        reason: What ``validate`` raised, on one or a few lines; ``None`` if it passed.
        verified_at: When it began, in UTC.
        duration_seconds: How long it took.
        history_id: Its row in ``delembic_run_history``.
        changed: Whether the file, whose ``validate`` was run as it is now, is another than the one
            that took effect; ``None`` if nobody knows.
        rolled_back: Whether all that ``validate`` did is undone; not so if it committed by itself.
    """

    revision: str
    passed: bool
    reason: str | None
    verified_at: datetime
    duration_seconds: float
    history_id: int
    changed: bool | None = None
    rolled_back: bool = True


Event = (
    Planned
    | Waiting
    | Settled
    | Started
    | OutsideTransaction
    | TransactionEnded
    | Finished
    | Skipped
    | Failed
    | Blocked
    | Interrupted
    | RecordDelayed
    | LockLost
    | Verifying
    | Verification
)
"""All that can happen in a run."""

Outcome = Finished | Skipped
"""How an attempt that did not raise ends."""

Listener = Callable[[Event], None]
"""What is called with each event as it happens. It must not raise."""


def ignore(event: Event) -> None:
    """A listener that shows nothing."""
