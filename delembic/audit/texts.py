"""The texts of a log entry, as its columns can hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from delembic.audit.tables import history_table
from delembic.database.repertoire import Repertoire

_LONGEST_TEXT_BYTES = 60_000
"""A plain TEXT of MySQL holds 65,535. The column of delembic 1.x for errors is one."""


def fitted(values: Mapping[str, Any], repertoire: Repertoire) -> dict[str, Any]:
    """Return the values of columns with texts that a database can hold.

    The id of a revision stays as it is: with an escape in it, it would be another one.
    """
    return {
        name: _cut(name, repertoire.fit(value))
        if isinstance(value, str) and name != "revision"
        else value
        for name, value in values.items()
    }


def _cut(name: str, text: str) -> str:
    """Cut a text to what its column holds. Of an error, the end says the most."""
    if length := getattr(history_table.c[name].type, "length", None):
        return text[:length]
    encoded = text.encode()
    if name == "exception":
        return encoded[-_LONGEST_TEXT_BYTES:].decode(errors="ignore")
    return encoded[:_LONGEST_TEXT_BYTES].decode(errors="ignore")
