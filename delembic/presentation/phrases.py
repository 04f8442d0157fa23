"""Phrases about a revision that are used in more than one place."""

from __future__ import annotations

from collections.abc import Sequence

CHANGED = "changed since it was applied"
FILE_CHANGED = f"its file has {CHANGED}"
FILE_GONE = "its file is gone"

_MOST_NAMES = 5


def files_gone(revisions: Sequence[str]) -> str:
    """Return that some applied revisions have no file, and how many.

    Example:
        >>> files_gone(["D001"])
        '1 applied revision has no file: D001.'
        >>> files_gone([f"D{number}" for number in range(1, 9)])
        '8 applied revisions have no file: D1, D2, D3, D4, D5 and 3 more.'
    """
    names = ", ".join(revisions[:_MOST_NAMES])
    more = f" and {rest} more" if (rest := len(revisions) - _MOST_NAMES) > 0 else ""
    what = "revision has" if len(revisions) == 1 else "revisions have"
    return f"{len(revisions)} applied {what} no file: {names}{more}."
