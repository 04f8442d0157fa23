"""Phrases about a revision that are used in more than one place."""

from __future__ import annotations

CHANGED = "changed since it was applied"
FILE_CHANGED = f"its file has {CHANGED}"
FILE_GONE = "its file is gone"
