"""What happens to migrations in a run, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan was made and checked, and the run is about to begin."""

    revisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilesGone:
    """The project has no files for some revisions that are applied.

    Somebody has removed them on purpose, or the project's folder is not complete.

    Attributes:
        revisions: The revisions, in the order in which they took effect.
    """

    revisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another run holds the lock. Emitted once for each revision that has to wait."""

    revision: str
    holder: str


@dataclass(frozen=True, slots=True)
class Settled:
    """An attempt that died had left a log entry without an end, which was now completed.

    Attributes:
        status: ``success`` if the work had been committed, otherwise ``interrupted``.
    """

    revision: str
    history_id: int
    status: str


@dataclass(frozen=True, slots=True)
class Started:
    """The attempt is recorded, and the work begins."""

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
class Reapplying:
    """The migration was applied before, but the database no longer has its mark.

    It was restored from a backup, or its server lost what it had committed.

    Attributes:
        history_id: The log entry of the attempt that applied it.
    """

    revision: str
    history_id: int


@dataclass(frozen=True, slots=True)
class OutsideTransaction:
    """The migration runs outside of a transaction, so nothing of it can be rolled back."""

    revision: str


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """The migration committed or rolled back itself, so not all of it can be rolled back."""

    revision: str


@dataclass(frozen=True, slots=True)
class SlowInserts:
    """The migration sends many rows by INSERT. Emitted once for each attempt.

    Attributes:
        rows: How many it has sent so far.
    """

    revision: str
    rows: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The migration has taken effect.

    Attributes:
        applied_at: When it took effect, in UTC.
        rows_affected: Rows inserted, updated and deleted; ``None`` if that is unknown, as after a
            COPY through the driver's own connection.
        metadata: What the migration told about its work, by name; values of JSON.
    """

    revision: str
    history_id: int
    attempt: int
    applied_at: datetime
    duration_seconds: float
    rows_affected: int | None
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Skipped:
    """The migration was already applied; nothing was run.

    Attributes:
        applied_at: When it took effect, in UTC, if that is known.
        applied_by: Who ran it, if the audit log has that.
        history_id: The log entry of the attempt that applied it, if there is one.
        checksum: SHA-256 of the file that was run then, or that was accepted in its place; it may
            have been edited since.
        attempt: The number of that attempt, if the audit log has it.
        duration_seconds: How long that attempt took, if the audit log has it.
        rows_affected: How many rows that attempt changed, if the audit log has it.
    """

    revision: str
    applied_at: datetime | None
    applied_by: str | None
    history_id: int | None
    checksum: str | None = None
    attempt: int | None = None
    duration_seconds: float | None = None
    rows_affected: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The migration raised an error, or the database failed.

    Attributes:
        phase: The phase in which it failed; see `delembic.Phase`.
        rolled_back: Whether all of its work was undone; false if the migration committed itself.
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
    """The migration was not run, because it depends on others that are not applied."""

    revision: str
    history_id: int
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The operator stopped the run; the work of this migration was rolled back.

    Attributes:
        batched: Whether only the last batch was rolled back, because it is a `BatchedMigration`.
    """

    revision: str
    history_id: int
    batched: bool = False


@dataclass(frozen=True, slots=True)
class RecordDelayed:
    """The end of an attempt could not be recorded; the next run will settle it, by the mark."""

    revision: str
    history_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class LockLost:
    """The lock was lost while the migration ran, together with the session that held it.

    The mark still ensured that the migration took effect only once.
    """

    revision: str


@dataclass(frozen=True, slots=True)
class Verifying:
    """The ``validate`` of an applied migration begins."""

    revision: str
    description: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What the ``validate`` of an applied migration found in the current data.

    The migration stays applied in any case.

    Example:
        >>> from datetime import UTC, datetime
        >>> then = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        >>> found = Verification("D001", False, "AssertionError: 7 rows", then, 0.02, 12)
        >>> found.passed, found.reason
        (False, 'AssertionError: 7 rows')

    Attributes:
        revision: The migration's revision.
        passed: Whether the data is what ``validate`` expects.
        reason: The error that ``validate`` raised, on one or a few lines; ``None`` if it passed.
        verified_at: When the verification began, in UTC.
        duration_seconds: How long it took.
        history_id: Its log entry in ``delembic_run_history``.
        changed: Whether the file has changed since the migration was applied; ``None`` if that is
            unknown. The ``validate`` that was run is the one in the current file.
        rolled_back: Whether everything that ``validate`` did was undone; false if it committed
            itself.
    """

    revision: str
    passed: bool
    reason: str | None
    verified_at: datetime
    duration_seconds: float
    history_id: int
    changed: bool | None = None
    rolled_back: bool = True
