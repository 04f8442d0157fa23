"""Unique names for locks."""

from __future__ import annotations

import hashlib


def digest(*parts: str) -> bytes:
    """Return 32 bytes that are unique for the given parts."""
    return hashlib.sha256("\0".join(("delembic", *parts)).encode()).digest()
