"""Cursors as JSON that keeps the types of their values.

A cursor says how far a migration in batches has come: the key of a row, a place in a file, or
whatever a user's own object gives.

Example:
    >>> from datetime import date
    >>> from decimal import Decimal
    >>> text = encode([Decimal("1.50"), date(2024, 1, 15)])
    >>> text
    '[{"$decimal": "1.50"}, {"$date": "2024-01-15"}]'
    >>> decode(text)
    [Decimal('1.50'), datetime.date(2024, 1, 15)]
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from delembic.errors import UnfitCursorError

_ENCODERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    UUID: ("$uuid", str),
    datetime: ("$datetime", datetime.isoformat),
    date: ("$date", date.isoformat),
    time: ("$time", time.isoformat),
    timedelta: ("$seconds", lambda value: [value.days, value.seconds, value.microseconds]),
    Decimal: ("$decimal", str),
    bytes: ("$bytes", lambda value: base64.b64encode(value).decode("ascii")),
}
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$uuid": UUID,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$seconds": lambda parts: timedelta(*parts),
    "$decimal": Decimal,
    "$bytes": base64.b64decode,
    "$object": dict,
}


def encode(cursor: object) -> str:
    """Return a cursor as JSON.

    Raises:
        UnfitCursorError: It has a value that JSON does not have, and that has no encoding here.
    """
    try:
        return json.dumps(_plain(cursor), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UnfitCursorError(str(error)) from error


def decode(text: str) -> Any:
    """Return a cursor from its JSON; tuples have become lists."""
    return json.loads(text, object_hook=_typed)


def _plain(value: Any) -> Any:
    if type(value) in _ENCODERS:
        name, of = _ENCODERS[type(value)]
        return {name: of(value)}
    if isinstance(value, bytearray | memoryview):
        return _plain(bytes(value))
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a mapping has a key that is no text")
        plain = {name: _plain(each) for name, each in value.items()}
        is_ours = any(name.startswith("$") for name in plain)
        return {"$object": list(plain.items())} if is_ours else plain
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _typed(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        ((name, value),) = found.items()
        if name in _DECODERS:
            return _DECODERS[name](value)
    return found
