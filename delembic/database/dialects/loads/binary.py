"""Rows in Arrow's form, encoded for PostgreSQL's binary COPY by pgpq."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, text

from delembic.database.dialects.loads.cargo import Hold

_FITTING = {
    "BOOL": {"bool"},
    "BYTEA": {"bytea"},
    "DATE": {"date"},
    "FLOAT4": {"float4"},
    "FLOAT8": {"float8"},
    "INT2": {"int2"},
    "INT4": {"int4"},
    "INT8": {"int8"},
    "NUMERIC": {"numeric"},
    "TEXT": {"text", "varchar", "bpchar"},
    "TIMESTAMP": {"timestamp"},
}
"""The types of columns that take what pgpq writes. The binary COPY converts nothing."""
_ROWS = 10_000
_TYPES = text(
    "SELECT a.attname, t.typname FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid"
    " WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped"
)


def encoder_for(conn: Connection, hold: Hold, schema: Any) -> Any | None:
    """Return pgpq's encoder if it is installed and writes just the types that the table has."""
    try:
        pgpq = import_module("pgpq")
    except ImportError:
        return None
    try:
        encoder = pgpq.ArrowToPostgresBinaryEncoder(schema)
    except ValueError:  # a type that it does not know
        return None
    types = {row.attname: row.typname for row in conn.execute(_TYPES, {"table": hold.table})}
    written = [each.data_type.ddl() for each in encoder.schema().columns]
    zoned = [getattr(field.type, "tz", None) is not None for field in schema]
    fits = all(
        types.get(name) in ({"timestamptz"} if has_zone else _FITTING.get(kind, set()))
        for name, kind, has_zone in zip(hold.columns, written, zoned, strict=True)
    )
    return encoder if fits else None


def encoded(encoder: Any, batches: Any) -> Iterator[bytes]:
    """Yield what the binary COPY takes, in parts of a few thousand rows."""
    yield encoder.write_header()
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield encoder.write_batch(batch.slice(start, _ROWS))
    yield encoder.finish()
