"""The fields of a delimited text, for databases that take values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator

from delembic.database.dialects import Form

Row = list[str | None]


def rows_of(blocks: Iterable[bytes], form: Form) -> Iterator[Row]:
    r"""Yield the fields of each record, with ``None`` for what stands for NULL.

    Args:
        blocks: Whole records, as `delembic.loading.text.Records` yields them.
        form: Their form.

    Example:
        >>> list(rows_of([b'1,"a,b"\n"",\n'], Form(",", '"', "")))
        [['1', 'a,b'], ['', None]]
    """
    quoted_null = f"{form.quote}{form.null}{form.quote}"
    for block in blocks:
        text = block.decode()
        if form.quote is None or form.quote not in text:
            lines = text.removesuffix("\n").split("\n")
            yield from map(_nulls(form.null), (line.split(form.delimiter) for line in lines))
        elif quoted_null in text:
            stand_in = _absent_from(text)
            marked = _marked(text, form, form.quote, stand_in)
            yield from map(_nulls(form.null, stand_in), _parse(marked, form))
        else:
            yield from map(_nulls(form.null), _parse(text, form))


def _parse(text: str, form: Form) -> list[list[str]]:
    before = csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        lines = io.StringIO(text, newline="\n")
        reader = csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote, strict=True)
        # The reader has no field for an empty line, which has one that is empty.
        return [row or [""] for row in reader]
    finally:
        csv.field_size_limit(before)


def _nulls(null: str, stand_in: str | None = None) -> Callable[[list[str]], Row]:
    if stand_in is not None:
        values = {null: None, stand_in: null}
        return lambda row: [values.get(field, field) for field in row]
    if not null:
        return lambda row: [field or None for field in row]
    return lambda row: [None if field == null else field for field in row]


def _absent_from(text: str) -> str:
    """Return something that the text does not contain."""
    stand_in = "\ue000"
    while stand_in in text:
        stand_in += "\ue000"
    return stand_in


def _marked(text: str, form: Form, quote: str, stand_in: str) -> str:
    """Replace what looks like a NULL but is in quotes, since the reader drops the quotes."""
    pieces = text.split(quote)
    edges = (form.delimiter, "\n")
    for index in range(1, len(pieces) - 1, 2):
        before, after = pieces[index - 1], pieces[index + 1]
        begins = before.endswith(edges) or (index == 1 and not before)
        if pieces[index] == form.null and begins and after.startswith(edges):
            pieces[index] = stand_in
    return quote.join(pieces)
