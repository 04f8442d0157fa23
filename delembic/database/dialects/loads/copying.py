"""COPY: PostgreSQL's own way for many rows, by psycopg and psycopg2."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from delembic.database.dialects.loads.binary import encoded, encoder_for
from delembic.database.dialects.loads.cargo import (
    Cargo,
    Form,
    Hold,
    Landed,
    MisfitError,
    Tally,
    as_failure,
    is_misfit,
)
from delembic.database.dialects.loads.inserting import insert_pages
from delembic.database.driver_errors import message_of, place_of_copy, sqlstate

_NOT_IN_TEXT = "\\.abcdefghijklmnopqrstuvwxyz0123456789"
"""What the text format of COPY does not take as a delimiter."""


def copy_in(conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
    """Load rows by COPY, or by INSERT where the driver has no way to it.

    Raises:
        MisfitError: The database refuses a row.
        DBAPIError: The COPY fails for another reason.
    """
    way = {"psycopg": _by_psycopg, "psycopg2": _by_psycopg2}.get(conn.dialect.driver)
    if way is None:
        return insert_pages(conn, hold, cargo, f"{conn.dialect.driver} has no known way to COPY")
    return way(conn, hold, cargo)


def _by_psycopg(conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
    form, batches = cargo.form, cargo.arrow()
    cursor: Any = conn.connection.cursor()
    if batches is not None and (encoder := encoder_for(conn, hold, batches.schema)):
        statement = f"{_statement(hold)} WITH (FORMAT binary)"
        with _telling_misfits(conn, hold, statement), cursor.copy(statement) as copy:
            for part in encoded(encoder, batches):
                copy.write(part)
        return Landed(cursor.rowcount, "COPY, binary")
    statement = _statement(hold)
    if form is not None and _goes_straight(form, hold):
        statement = _statement(hold, form)
        with _telling_misfits(conn, hold, statement, form), cursor.copy(statement) as copy:
            for block in _as_text(cargo, form):
                copy.write(block)
        return Landed(cursor.rowcount, "COPY")
    rows = Tally(cargo)
    with _telling_misfits(conn, hold, statement, rows=rows), cursor.copy(statement) as copy:
        write_row = copy.write_row
        for row in rows:
            write_row(row)
    return Landed(cursor.rowcount, "COPY, row by row")


def _by_psycopg2(conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
    form = cargo.form
    if form is None or not _goes_straight(form, hold):
        return insert_pages(conn, hold, cargo, "psycopg2 has COPY for files only")
    statement = _statement(hold, form)
    cursor: Any = conn.connection.cursor()
    stream = _Stream(_as_text(cargo, form))
    with _telling_misfits(conn, hold, statement, form), stream.raising_its_own():
        cursor.copy_expert(statement, stream)
    return Landed(cursor.rowcount, "COPY")


class _Stream(io.RawIOBase):
    """Blocks as a file that psycopg2 reads. It asks for fewer bytes than a block has."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block, self._position = b"", 0
        self._error: BaseException | None = None

    @contextmanager
    def raising_its_own(self) -> Iterator[None]:
        """Raise what the blocks have raised, of which psycopg2 makes an error of the server."""
        try:
            yield
        except BaseException:
            if self._error is not None:
                raise self._error from None
            raise

    def read(self, size: int = -1, /) -> bytes:
        if self._position >= len(self._block):
            self._block, self._position = self._next(), 0
        part = self._block[self._position : self._position + size]
        self._position += len(part)
        return part

    def _next(self) -> bytes:
        try:
            return next(self._blocks, b"")
        except BaseException as error:
            self._error = error
            raise


def _statement(hold: Hold, form: Form | None = None) -> str:
    copy = f"COPY {hold.table} ({hold.list}) FROM STDIN"
    if form is None:
        return copy
    options = [f"DELIMITER {_literal(form.delimiter)}", "ENCODING 'UTF8'"]
    if form.quote is None:
        null = form.null.replace("\\", "\\\\")
        options += ["FORMAT text", f"NULL {_literal(null)}"]
    else:
        options += [
            "FORMAT csv",
            "HEADER",
            f"QUOTE {_literal(form.quote)}",
            f"NULL {_literal(form.null)}",
        ]
    return f"{copy} WITH ({', '.join(options)})"


def _literal(text: str) -> str:
    """Return a text as a literal, whatever ``standard_conforming_strings`` says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def _goes_straight(form: Form, hold: Hold) -> bool:
    r"""Whether COPY reads the text as it is.

    In a table of one column, a line of ``\.`` is a value, which older servers take for the end.
    """
    if form.quote is None:
        return form.delimiter not in _NOT_IN_TEXT
    return len(hold.columns) > 1


def _as_text(cargo: Cargo, form: Form) -> Iterator[bytes]:
    """Yield blocks for one of COPY's formats: CSV as it is, and what has no quotes as text."""
    if form.quote is not None:
        # A header of one line end: the server counts newlines in quotes only after a first one
        # outside of them.
        return chain([b"\n"], cargo.blocks())
    # A backslash would be the beginning of an escape.
    return (block.replace(b"\\", b"\\\\").replace(b"\r", b"\\r") for block in cargo.blocks())


@contextmanager
def _telling_misfits(
    conn: Connection,
    hold: Hold,
    statement: str,
    form: Form | None = None,
    rows: Tally | None = None,
) -> Iterator[None]:
    """Turn an error of the driver into one that tells the place, or into SQLAlchemy's.

    Args:
        conn: The connection.
        hold: Where the rows go.
        statement: The COPY.
        form: The form of the text that is sent, if it is one.
        rows: The rows, if they are sent one by one.
    """
    dbapi: Any = conn.dialect.loaded_dbapi
    try:
        yield
    except dbapi.Error as error:
        number, column = place_of_copy(error, hold.name)
        if is_misfit(conn, error) and form and form.quote:
            line = number - 1 if number else None  # without the header
            raise MisfitError(message_of(error), line=line, column=column) from error
        if is_misfit(conn, error):
            raise MisfitError(message_of(error), record=number, column=column) from error
        if rows and isinstance(error, dbapi.ProgrammingError) and sqlstate(error) is None:
            # Psycopg itself has raised it: there is a value that it cannot adapt.
            raise MisfitError(message_of(error), record=rows.count) from error
        raise as_failure(conn, statement, error) from error
