"""What cuts long work into batches: the interface of all sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Cut:
    """One batch, as a source has cut it.

    Attributes:
        batch: What ``upgrade_batch`` gets.
        cursor: How far the work has come with it.
        rows: How many rows it has: of the table or of the file, or items.
        place: Names its first row to people, such as ``measurement_id = 4711``.
    """

    batch: Any
    cursor: Any
    rows: int
    place: str


class Source(Protocol):
    """Cuts work into batches, one after the other.

    Cursors and bounds are values that `delembic.audit.cursors` can keep.
    """

    has_own_size: bool
    """Whether it knows how large a batch is to be, unless it is told."""

    def identity(self) -> dict[str, Any]:
        """Return what must stay as it is for as long as the work lasts, by name."""

    def check(self, conn: Connection) -> None:
        """Check what can be checked before the work begins or goes on.

        Args:
            conn: On the work database. Nothing is written.

        Raises:
            UnfitBatchesError: It cannot be cut.
        """

    def bound(self, conn: Connection) -> Any:
        """Return where the work ends, as of now; ``None`` if that is not known or there is none."""

    def total(self, conn: Connection) -> int | None:
        """Return about how many rows there are, without counting them; ``None`` if unknown."""

    def next(self, conn: Connection, cursor: Any, bound: Any, size: int | None) -> Cut | None:
        """Cut the next batch.

        Args:
            conn: The work connection, in the batch's transaction.
            cursor: How far the work has come; ``None`` at the beginning.
            bound: What `bound` has returned at the beginning.
            size: How many rows it should have; ``None`` for the source's own size.

        Returns:
            ``None`` if nothing is left.
        """

    def position(self, cursor: Any, bound: Any) -> float | None:
        """Return how far a cursor is from the beginning to the end, from 0 to 1, if known."""

    def close(self) -> None:
        """Close what it has opened; nothing more is cut."""
