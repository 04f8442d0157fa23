"""`bulk_load`: a file or rows into a table, in the way that is fastest on its database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from sqlalchemy import Connection, Table

from delembic.database.dialects import (
    Form,
    Hold,
    Landed,
    Merge,
    MisfitError,
    in_transaction,
    kind_of,
)
from delembic.database.places import root_of
from delembic.errors import LoadError, RowRefusedError
from delembic.loading.cargoes import TextCargo, ValuesCargo, opened_text
from delembic.loading.counting import loading
from delembic.loading.sources import File, source_of
from delembic.loading.target import Target
from delembic.loading.text import check_form

Conflict: TypeAlias = Literal["ignore", "update"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `bulk_load` has loaded.

    Attributes:
        rows: How many rows were inserted, or updated by ``on_conflict="update"``.
        bytes: How many bytes of text were read, uncompressed; ``None`` if the source is no text.
        seconds: How long it took.
        method: How the rows got into the table, such as ``COPY``. If there is a faster way that
            could not be taken, it says why.
    """

    rows: int
    bytes: int | None
    seconds: float
    method: str


def bulk_load(  # noqa: PLR0913, PLR0917 - files differ in all of this
    conn: Connection,
    table: str | Table,
    source: str | Path | BinaryIO | Iterable[Any],
    columns: Sequence[str] | None = None,
    delimiter: str = ",",
    quote: str | None = '"',
    null: str = "",
    header: bool = True,
    encoding: str = "utf-8",
    on_conflict: Conflict | None = None,
    key: Sequence[str] | None = None,
) -> Loaded:
    r"""Load many rows into a table, as fast as its database can, and all or none.

    The rows are part of the connection's transaction, and they count in the audit log.

    Args:
        conn: The connection that ``upgrade`` gets, or any other.
        table: The table: its name, with its schema before a dot if need be, or SQLAlchemy's.
        source: A path, also of a ``.gz`` or a ``.parquet`` file; a relative one begins in the
            folder of ``delembic.ini``. Or a binary file, an iterable of tuples or of mappings, or
            anything with ``__arrow_c_stream__``, such as a data frame.
        columns: The columns, in the order of the source. They come from its header or its keys if
            they are not given, or are all columns of the table.
        delimiter: What separates the fields of a file.
        quote: What may enclose a field; it is doubled inside of it. ``None`` if quotes have no
            meaning in the file.
        null: What stands for NULL, if it is not in quotes.
        header: Whether the first record of a file names its columns.
        encoding: The encoding of a file. A byte order mark of UTF-8 is left out.
        on_conflict: What to do with rows whose key the table has already: ``"ignore"`` leaves them
            out, ``"update"`` puts them in the place of the old ones. Without it, they are an error.
        key: The columns of that key; the primary key unless given.

    Raises:
        LoadError: Nothing was loaded: the arguments are wrong, the source cannot be read, or the
            database refuses a row. Its subclasses tell which.

    Example:
        >>> from sqlalchemy import create_engine, text
        >>> with create_engine("sqlite://").begin() as conn:
        ...     _ = conn.execute(text("CREATE TABLE term (code TEXT, name TEXT)"))
        ...     bulk_load(conn, "term", [("A", "apple"), ("B", None)]).rows
        2
    """
    begun = time.perf_counter()
    form = Form(delimiter, quote or None, null)
    check_form(form)
    _check_conflict(on_conflict, key)
    target = Target.of(conn, table)
    given = list(columns) if columns is not None else None
    with _cargo(target, source, form, encoding, header, given) as (cargo, hold):
        merge = _merge(target, on_conflict, key, hold)
        with loading(conn) as count, _naming_the_row(target, cargo), in_transaction(conn):
            landed = _load(conn, hold, cargo, merge)
            count(landed.rows)
        return Loaded(landed.rows, cargo.size, time.perf_counter() - begun, landed.method)


@contextmanager
def _cargo(
    target: Target, source: Any, form: Form, encoding: str, header: bool, columns: list[str] | None
) -> Iterator[tuple[TextCargo | ValuesCargo, Hold]]:
    """Yield what is loaded, and the columns that it goes to."""
    if isinstance(source, PathLike):
        source = Path(source)
    found = source_of(source, root_of(target.conn))
    if not isinstance(found, File):
        names = columns or found.columns or list(target.types)
        hold = target.hold(found.name, names)
        yield ValuesCargo(found, names, target.converters(names)), hold
        return
    with opened_text(found, form, encoding) as cargo:
        if header:
            cargo.take_header()
            _check_width(cargo, columns)
        names = columns or cargo.columns or list(target.types)
        hold = target.hold(found.name, names)
        cargo.width = len(names)
        yield cargo, hold


def _check_width(cargo: TextCargo, columns: list[str] | None) -> None:
    if columns and cargo.columns and len(columns) != len(cargo.columns):
        raise LoadError(
            f"{cargo.name} has {len(cargo.columns)} columns, and columns names {len(columns)}.",
            "Look at delimiter and quote if the file has as many.",
        )


def _check_conflict(on_conflict: str | None, key: Sequence[str] | None) -> None:
    if on_conflict not in (None, "ignore", "update"):
        raise LoadError(f"on_conflict has to be 'ignore' or 'update', and not {on_conflict!r}.")
    if key is not None and on_conflict is None:
        raise LoadError("key says which rows conflict, but not what to do with them: on_conflict.")
    if isinstance(key, str):
        raise LoadError("key has to be a list of columns.", f"Write key=[{key!r}].")


def _merge(
    target: Target, on_conflict: Conflict | None, key: Sequence[str] | None, hold: Hold
) -> Merge | None:
    if on_conflict is None:
        return None
    names = target.key(key, hold.columns)
    if not kind_of(target.conn.dialect.name).tells_keys_apart:
        target.refuse_other_keys(names, hold.columns)
    return Merge(on_conflict == "update", target.quoted(names))


def _load(
    conn: Connection, hold: Hold, cargo: TextCargo | ValuesCargo, merge: Merge | None
) -> Landed:
    kind = kind_of(conn.dialect.name)
    if merge is None:
        return kind.load(conn, hold, cargo)
    landed = kind.load_merged(conn, hold, cargo, merge)
    if landed is None:
        raise LoadError(
            f"on_conflict is not known on {conn.dialect.name}.",
            "Load into a table of your own, and merge from there.",
        )
    return landed


@contextmanager
def _naming_the_row(target: Target, cargo: TextCargo | ValuesCargo) -> Iterator[None]:
    try:
        yield
    except MisfitError as misfit:
        place, reason, column = cargo.place(misfit), misfit.reason, misfit.column
        cause = misfit.__cause__
    else:
        return
    raise RowRefusedError(
        str(place), target.label, reason, column=column, line=place.line
    ) from cause
