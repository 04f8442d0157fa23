"""Names of locks, made from what they are to keep apart."""

from __future__ import annotations

import hashlib


def digest(*parts: str) -> bytes:
    """Return 32 bytes that no other parts give."""
    return hashlib.sha256("\0".join(("delembic", *parts)).encode()).digest()
