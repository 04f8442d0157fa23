"""LOAD DATA LOCAL gives a server the rows and no other file, and says why it is not used."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from delembic import bulk_load
from delembic.database.dialects import Form, kind_of
from delembic.database.dialects.loads.escaping import escaper
from delembic.loading.fields import pages_of

FIELD = st.none() | st.text(alphabet='aN"\\,\n\t ', max_size=4) | st.just("NULL")


@contextmanager
def _connection(url: str, *, prepared: bool) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    if prepared:
        kind_of(engine.dialect.name).prepare(engine)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (x INTEGER PRIMARY KEY)"))
        yield conn
    engine.dispose()


def test_the_driver_itself_still_refuses_a_server_that_asks_for_files(
    mariadb_url: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("1\n")
    with _connection(mariadb_url, prepared=True) as conn:
        bulk_load(conn, "t", io.BytesIO(b"x\n7\n"))
        cursor: Any = conn.connection.cursor()

        with pytest.raises(RuntimeError, match="local_infile option is false"):
            cursor.execute(f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE t")
        conn.invalidate()
        conn.rollback()


@pytest.mark.parametrize("side", ["this connection", "the server"])
def test_where_it_is_switched_off_the_method_says_so(mariadb_url: str, side: str) -> None:
    with _connection(mariadb_url, prepared=side == "the server") as conn:
        if side == "the server":
            conn.execute(text("SET GLOBAL local_infile = 0"))
        try:
            loaded = bulk_load(conn, "t", io.BytesIO(b"x\n7\n8\n"))
        finally:
            if side == "the server":
                conn.execute(text("SET GLOBAL local_infile = 1"))

        assert loaded.method == f"executemany (local_infile is off in {side})"
        assert conn.execute(text("SELECT x FROM t")).scalars().all() == [7, 8]


def test_the_setting_of_notes_is_as_before(mariadb_url: str) -> None:
    with _connection(mariadb_url, prepared=True) as conn:
        bulk_load(conn, "t", io.BytesIO(b"x\n7\n"))

        assert conn.execute(text("SELECT @@SESSION.sql_notes")).scalar_one() == 1


@given(st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1, max_size=4))
def test_escaping_keeps_what_fields_mean(rows: list[list[str | None]]) -> None:
    form = Form(",", '"', "")

    def written(field: str | None) -> str:
        if field is None:
            return ""
        plain = field and not set(field) & set('",\n')
        return field if plain else '"' + field.replace('"', '""') + '"'

    block = "".join(",".join(map(written, row)) + "\n" for row in rows).encode()

    assert [list(row) for page in pages_of([block], form) for row in page] == rows
    assert _unescaped(escaper(form)(block).decode()) == rows


def _unescaped(text: str) -> list[list[str | None]]:
    """Read as LOAD DATA does."""
    rows: list[list[str | None]] = [[]]
    field, null, signs = "", False, iter(text)
    for sign in signs:
        if sign == "\\":
            following = next(signs)
            null = following == "N"
            field += "" if null else following
        elif sign in ",\n":
            rows[-1].append(None if null else field)
            field, null = "", False
            if sign == "\n":
                rows.append([])
        else:
            field += sign
    return rows[:-1]
