"""What the tests of loads share: a table for odd files, on each kind of database."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from delembic import Loaded, bulk_load
from delembic.database.dialects import kind_of
from support.servers.backend import Backend


@dataclass(frozen=True)
class Shelf:
    """A table ``odd``, and a connection in a transaction.

    Attributes:
        backend: Its database.
        conn: The connection.
    """

    backend: Backend
    conn: Connection

    def load(self, source: Any, **options: Any) -> Loaded:
        """Load bytes as a file, or anything else as it is."""
        if isinstance(source, bytes):
            source = io.BytesIO(source)
        return bulk_load(self.conn, "odd", source, **options)

    def rows(self, columns: str = "id, name") -> list[tuple[Any, ...]]:
        found = self.conn.execute(text(f"SELECT {columns} FROM odd ORDER BY id")).all()
        return [tuple(row) for row in found]

    @property
    def is_sqlite(self) -> bool:
        return self.backend.name == "sqlite"


@pytest.fixture
def shelf(backend: Backend) -> Iterator[Shelf]:
    engine = create_engine(backend.url, poolclass=NullPool)
    kind_of(engine.dialect.name).prepare(engine)
    with engine.begin() as conn:
        conn.execute(
            text(
                "CREATE TABLE odd (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50), day DATE,"
                " amount NUMERIC(8, 2))"
            )
        )
    with engine.connect() as conn:
        yield Shelf(backend, conn)
    engine.dispose()
