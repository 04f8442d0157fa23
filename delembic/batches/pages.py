"""Batches of a user's own object: pages of an API, rows of another database."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from delembic.batches.source import Cut
from delembic.errors import UnfitBatchesError, UnmovedCursorError


class Pages(Protocol):
    """What a user's own object has to have to be the ``batches`` of a migration."""

    def next(self, conn: Connection, cursor: Any, size: int) -> tuple[Any, Any] | None:
        """Return the items of the next batch, and the cursor after it; ``None`` at the end.

        Args:
            conn: The work connection, in the batch's transaction.
            cursor: The cursor of the batch before; ``None`` at the beginning.
            size: How many items the batch should have.
        """

    def total(self, conn: Connection) -> int | None:
        """Return about how many items there are in all; ``None`` if nobody knows."""


@dataclass(frozen=True, slots=True)
class ItemBatch:
    """The items that a user's own object has returned.

    Attributes:
        items: The items.
        cursor: The cursor after them.
    """

    items: Any
    cursor: Any


class PageSource:
    """The `Source` of a user's own object."""

    has_own_size = False

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def identity(self) -> dict[str, Any]:
        """See `Source`."""
        return {"class": type(self._pages).__qualname__}

    def check(self, conn: Connection) -> None:
        """See `Source`."""

    def bound(self, conn: Connection) -> Any:
        """See `Source`; only the object itself knows its end."""
        return None

    def total(self, conn: Connection) -> int | None:
        """See `Source`."""
        return self._pages.total(conn)

    def next(self, conn: Connection, cursor: Any, bound: Any, size: int | None) -> Cut | None:
        """See `Source`."""
        found: object = self._pages.next(conn, cursor, size or 1)
        match found:
            case None:
                return None
            case (items, after):
                pass
            case _:
                raise UnfitBatchesError(
                    f"{type(self._pages).__qualname__}.next() returned {type(found).__name__}",
                    "Return (items, cursor), or None at the end.",
                )
        if after == cursor:
            raise UnmovedCursorError
        rows = len(items) if isinstance(items, Sized) else 1
        return Cut(ItemBatch(items, after), after, rows, f"the batch after {cursor!r}")

    def position(self, cursor: Any, bound: Any) -> float | None:
        """See `Source`."""
        return None

    def close(self) -> None:
        """See `Source`; the object is the user's."""
