"""What a migration tells about its work: its metadata, as values of JSON and bounded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from delembic.database.repertoire import Repertoire
from delembic.migration import DataMigration
from delembic.redaction import redact

_UNICODE = Repertoire()
_LONGEST_NAME = 255
_LONGEST_VALUE = 2_000
_LONGEST_WHOLE = 20_000
"""The limits in characters, for a name, for a value as JSON, and for all of them together."""
_DEEPEST = 10


def findings_of(migration: DataMigration, answer: object) -> dict[str, Any]:
    """Return the metadata of a migration: what it has set, and over that what ``upgrade`` returned.

    A value that JSON does not have becomes its text. A long one is cut, and what would be too much
    in all is left out.

    Args:
        migration: The migration, which has run.
        answer: What its ``upgrade`` returned. Only a mapping counts.
    """
    told: dict[Any, Any] = {}
    for each in (migration.metadata, answer):
        # A class may have something else under that name, such as SQLAlchemy's MetaData.
        told |= dict(each) if isinstance(each, Mapping) else {}
    findings: dict[str, Any] = {}
    room = _LONGEST_WHOLE
    for name, value in told.items():
        label, kept = _text(name)[:_LONGEST_NAME], _bounded(value)
        room -= len(json.dumps({label: kept}))
        if room >= 0:
            findings[label] = kept
    return findings


def _bounded(value: object) -> Any:
    plain = _plain(value, _DEEPEST)
    text = plain if isinstance(plain, str) else json.dumps(plain)
    return plain if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _plain(value: object, depth: int) -> Any:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):  # also NumPy's
        return int(value)
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping) and depth:
        return {_text(name): _plain(each, depth - 1) for name, each in value.items()}
    if (
        isinstance(value, Sequence | set | frozenset)
        and not isinstance(value, str | bytes)
        and depth
    ):
        return [_plain(each, depth - 1) for each in value]
    return _text(value)


def _text(value: object) -> str:
    return _UNICODE.fit(redact(str(value)))
