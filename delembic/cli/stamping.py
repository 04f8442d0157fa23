"""What ``delembic stamp`` has done, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from delembic.commands import Acceptance


def accepted(found: Sequence[Acceptance]) -> str:
    """Return the lines of ``delembic stamp --accept``.

    Example:
        >>> found = [Acceptance("D001", "a1", "b2", 7), Acceptance("D002", "c3", "c3", None)]
        >>> print(accepted(found))
        D001: its file counts as the one that was applied (log entry 7).
        D002: its file is unchanged since it was applied; there is nothing to accept.
    """
    return "\n".join(f"{each.revision}: {_outcome(each)}" for each in found)


def _outcome(acceptance: Acceptance) -> str:
    if acceptance.is_new:
        return f"its file counts as the one that was applied (log entry {acceptance.history_id})."
    return "its file is unchanged since it was applied; there is nothing to accept."
