"""Names that Dagster accepts, made of the free texts of a migration."""

import hashlib
import re

from dagster import AssetKey

_LONGEST_NAME = 100
_LONGEST_TAG = 63
_TAG_NAME = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_OWNER = re.compile(r"team:[A-Za-z0-9_.-]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


def op_name(key: AssetKey) -> str:
    """Return the name of an asset's op: Dagster's own name for it, made unique.

    Example:
        >>> op_name(AssetKey(["delembic", "a_b"]))
        'delembic__a_b'
        >>> op_name(AssetKey(["delembic", "a-b"]))
        'delembic__a_b_d44362d6'
    """
    return "__".join(_distinct(part, "A-Za-z0-9_") for part in key.path)


def key_part(revision: str) -> str:
    """Return a revision as a part of an asset key; different revisions get different parts.

    Example:
        >>> key_part("2024.01-a")
        '2024.01-a'
    """
    return _distinct(revision, "A-Za-z0-9_.-")


def tag_name(text: str) -> str:
    """Return a text as the name of a tag; an empty text if nothing is left.

    Example:
        >>> tag_name("load order")
        'load_order'
    """
    return text if _TAG_NAME.fullmatch(text) else tag_value(text)


def tag_value(text: str) -> str:
    """Return a text as the value of a tag.

    Example:
        >>> tag_value("every night!")
        'every_night_'
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)[:_LONGEST_TAG]


def group_name(text: str | None) -> str | None:
    """Return a text as the name of an asset group; ``None`` if nothing is left.

    Example:
        >>> group_name("reference data/europe")
        'reference_data/europe'
    """
    parts = [re.sub(r"[^A-Za-z0-9_]", "_", part) for part in (text or "").split("/") if part]
    return "/".join(parts) or None


def is_owner(text: str) -> bool:
    """Return whether Dagster accepts a text as an owner: an e-mail address or ``team:NAME``.

    Example:
        >>> is_owner("team:data"), is_owner("ann@example.com"), is_owner("ann")
        (True, True, False)
    """
    return _OWNER.fullmatch(text) is not None


def _distinct(text: str, allowed: str) -> str:
    """Replace disallowed characters, and append part of a hash if any were replaced."""
    name = re.sub(rf"[^{allowed}]", "_", text)[:_LONGEST_NAME]
    if name == text:
        return name
    return f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
