"""The rows in ``delembic_skipped``, which migrations in batches have left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, insert

from delembic.audit import tables
from delembic.database.columns import LongText, UtcDateTime
from delembic.database.dialects import kind_of
from delembic.database.places import own_options, place_of

_LONGEST_ERROR = 60_000
"""The number of characters that are kept of an error: its end says the most."""


@cache
def _table(prefix: str) -> Table:
    return Table(
        f"{prefix}_skipped",
        MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("revision", String(255), nullable=False, index=True),
        Column("place", LongText, nullable=False),
        Column("exception", LongText),
        Column("run_id", String(36)),
        Column("skipped_at", UtcDateTime, nullable=False),
        **tables.OPTIONS,
    )


def skipped_table_of(conn: Connection | Engine) -> Table:
    """Return the table of the rows that were left out, for the project of a connection."""
    return _table(place_of(conn).prefix)


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that is left out.

    Attributes:
        revision: The migration's revision.
        attempt_id: The attempt that has left it out.
        place: Its key, or its place in the file.
        exception: The whole error.
    """

    revision: str
    attempt_id: str | None
    place: str
    exception: str


def add_skipped(conn: Connection, row: SkippedRow, schema: str | None) -> None:
    """Record a row that is left out; the caller commits it with the checkpoint.

    Args:
        conn: The work connection, in a transaction.
        row: The row.
        schema: Where the table is; ``None`` if the name alone has to do.
    """
    repertoire = kind_of(conn.dialect.name).repertoire(conn)
    values: dict[str, Any] = {
        "revision": row.revision,
        "place": repertoire.fit(row.place),
        "exception": repertoire.fit(row.exception)[-_LONGEST_ERROR:],
        "run_id": row.attempt_id,
        "skipped_at": datetime.now(UTC),
    }
    conn.execute(insert(skipped_table_of(conn)), values, execution_options=own_options(schema))
