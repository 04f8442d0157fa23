"""What the terminal can show."""

from __future__ import annotations

import os
import shutil
import sys

_PLAIN = frozenset({"dumb", "unknown"})
"""What ``TERM`` is called where nothing but text is understood, as in an editor."""


def width() -> int | None:
    """Return the number of columns; ``None`` if the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def is_plain() -> bool:
    """Whether the terminal understands nothing but text."""
    return os.environ.get("TERM", "").lower() in _PLAIN


def is_without_colours() -> bool:
    """Whether the terminal has no colors, or its user wants none; see no-color.org."""
    return bool(os.environ.get("NO_COLOR")) or is_plain()


def can_redraw() -> bool:
    """Whether a line that was printed can be replaced by another."""
    return sys.stdout.isatty() and not is_plain()
