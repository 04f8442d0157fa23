"""The fields of a delimited text, for databases that take values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from delembic.database.dialects import Form

_PAGE_ROWS = 500
"""So few lists at a time do not set off Python's garbage collector."""

Page = Sequence[Sequence[str | None]]


def pages_of(blocks: Iterable[bytes], form: Form) -> Iterator[Page]:
    r"""Yield the records of each block, with ``None`` for what stands for NULL.

    Args:
        blocks: Whole records, as `delembic.loading.text.Records` yields them.
        form: Their form.

    Example:
        >>> list(pages_of([b'1,"a,b"\n"",\n'], Form(",", '"', "")))
        [[['1', 'a,b'], ['', None]]]
    """
    reader = _Reader(form)
    for block in blocks:
        yield from reader.pages(block.decode())


class _Reader:
    """Reads whole records. The reader of Python's own cannot tell what was in quotes."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._null = form.null
        edges = f"{re.escape(form.delimiter)}\\n"
        in_quotes = re.escape(f"{form.quote}{form.null}{form.quote}")
        self._null_in_quotes = re.compile(f"{in_quotes}(?<![^{edges}]{in_quotes})(?![^{edges}])")

    def pages(self, text: str) -> Iterator[Page]:
        form = self._form
        if form.quote is not None and form.quote in text:
            yield self._read_quoted(text, form.quote)
            return
        delimiter = form.delimiter
        lines = text.removesuffix("\n").split("\n")
        has_empty_fields = self._has_empty_fields(text)
        for start in range(0, len(lines), _PAGE_ROWS):
            rows = [line.split(delimiter) for line in lines[start : start + _PAGE_ROWS]]
            yield self._with_nulls(rows, has_empty_fields)

    def _read_quoted(self, text: str, quote: str) -> Page:
        form = self._form
        if self._null_in_quotes.search(text) is None:
            return self._with_nulls(self._parse(text), self._has_empty_fields(text))
        stand_in = _absent_from(text)
        try:
            rows = self._parse(self._null_in_quotes.sub(f"{quote}{stand_in}{quote}", text))
        except csv.Error:  # something inside of quotes has looked like a whole field
            rows = self._parse(self._marked(text, quote, stand_in))
        values = {form.null: None, stand_in: form.null}
        return [[values.get(field, field) for field in row] for row in rows]

    def _parse(self, text: str) -> list[list[str]]:
        form = self._form
        before = csv.field_size_limit(max(csv.field_size_limit(), len(text)))
        try:
            lines = io.StringIO(text, newline="\n")
            reader = csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote, strict=True)
            # The reader has no field for an empty line, which has one that is empty.
            return [row or [""] for row in reader]
        finally:
            csv.field_size_limit(before)

    def _with_nulls(self, rows: list[list[str]], has_empty_fields: bool) -> Page:
        null = self._null
        if null:
            return [[None if field == null else field for field in row] for row in rows]
        if has_empty_fields:
            return [[field or None for field in row] for row in rows]
        return rows

    def _has_empty_fields(self, text: str) -> bool:
        delimiter = self._form.delimiter
        pairs = (delimiter * 2, f"\n{delimiter}", f"{delimiter}\n", "\n\n")
        return text.startswith((delimiter, "\n")) or any(pair in text for pair in pairs)

    def _marked(self, text: str, quote: str, stand_in: str) -> str:
        """Replace each NULL in quotes, with a look at what begins and what ends a field."""
        pieces = text.split(quote)
        edges = (self._form.delimiter, "\n")
        for index in range(1, len(pieces) - 1, 2):
            before, after = pieces[index - 1], pieces[index + 1]
            begins = before.endswith(edges) or (index == 1 and not before)
            if pieces[index] == self._null and begins and after.startswith(edges):
                pieces[index] = stand_in
        return quote.join(pieces)


def _absent_from(text: str) -> str:
    """Return something that the text does not contain."""
    stand_in = "\ue000"
    while stand_in in text:
        stand_in += "\ue000"
    return stand_in
