"""Sources as cargoes: what a kind of database may ask of them when it loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from delembic.database.dialects import Form, MisfitError
from delembic.errors import SourceError
from delembic.loading.boundaries import end_of
from delembic.loading.fields import pages_of
from delembic.loading.places import Place, place_in
from delembic.loading.sources import Arrow, File, Values
from delembic.loading.text import Records, transcoded


class TextCargo:
    """A delimited text. It is made by `opened_text`.

    Attributes:
        name: How errors call it.
        form: Its form.
        columns: The columns that its header names, if it has one.
    """

    def __init__(self, file: File, form: Form, encoding: str, records: Records) -> None:
        self.name = file.name
        self.form = form
        self.columns: list[str] | None = None
        self.width = 0
        self._file, self._encoding = file, encoding
        self._records = records
        self._blocks = iter(records)
        self._header_lines = 0

    @property
    def size(self) -> int:
        """How many bytes of text were read so far."""
        return self._records.bytes

    def take_header(self) -> None:
        """Take the first record for the names of the columns.

        Raises:
            SourceError: There is none, or a column in it has no name.
        """
        block = next(self._blocks, b"")
        if not block:
            raise SourceError(
                self.name, "it is empty.", "If it has no header, say so: header=False."
            )
        quote = self.form.quote.encode() if self.form.quote else None
        end = end_of(block, 1, quote)
        ((names,),) = pages_of([block[:end]], self.form)
        if not all(names):
            raise SourceError(
                self.name, "a column in the header has no name.", _NAME_COLUMNS, line=1
            )
        self.columns = [name for name in names if name]
        self._header_lines = block.count(b"\n", 0, end)
        self._blocks = chain([block[end:]] if block[end:] else [], self._blocks)

    def blocks(self) -> Iterator[bytes]:
        """See `Cargo`."""
        return self._blocks

    def pages(self) -> Iterator[Sequence[Any]]:
        """See `Cargo`.

        Raises:
            MisfitError: A record has too many or too few fields.
        """
        count = 0
        for page in pages_of(self._blocks, self.form):
            if set(map(len, page)) != {self.width}:
                self._refuse_ragged(page, count)
            count += len(page)
            yield page

    def _refuse_ragged(self, page: Sequence[Any], before: int) -> None:
        for number, row in enumerate(page, before + 1):
            if len(row) != self.width:
                raise MisfitError(f"{len(row)} fields, and not {self.width}", record=number)

    def arrow(self) -> None:
        """See `Cargo`."""

    def place(self, misfit: MisfitError) -> Place:
        """Return where in the file a row is that does not fit."""
        header = 1 if self.columns else 0
        record = misfit.record + header if misfit.record else None
        line = misfit.line + self._header_lines if misfit.line else None
        if not self._file.reopens or (record is None and line is None):
            return Place(self.name, line=line, record=misfit.record, last=misfit.last)
        with self._file.open() as file:
            blocks = transcoded(file, self.name, self._encoding)
            last = misfit.last + header if misfit.last else None
            return place_in(blocks, self.form, Place(self.name, line, record, last))


_NAME_COLUMNS = "Correct the header, or name the columns: columns=[…]."


@contextmanager
def opened_text(file: File, form: Form, encoding: str) -> Iterator[TextCargo]:
    """Yield a file as a cargo; it is open in the block.

    Raises:
        SourceError: There is no such file, or it cannot be opened.
    """
    with file.open() as opened:
        records = Records(transcoded(opened, file.name, encoding), file.name, form, encoding)
        yield TextCargo(file, form, encoding, records)


class ValuesCargo:
    """Rows of Python's values, or data in Arrow's form.

    Args:
        source: The rows.
        columns: Their columns.
        converters: What brings the values of a column into the driver's form, where it is needed.
    """

    form = None
    size = None

    def __init__(
        self,
        source: Values | Arrow,
        columns: list[str],
        converters: list[Callable[[Any], Any] | None],
    ) -> None:
        self._source = source
        self._columns = columns
        self._converters = [(i, each) for i, each in enumerate(converters) if each]

    def blocks(self) -> Iterator[bytes]:
        """See `Cargo`. They are no text."""
        return iter(())

    def pages(self) -> Iterator[Sequence[Any]]:
        """See `Cargo`."""
        source = self._source
        pages = source.pages(self._columns) if isinstance(source, Values) else source.pages()
        return map(self._converted, pages) if self._converters else pages

    def arrow(self) -> Any | None:
        """See `Cargo`."""
        return self._source.reader if isinstance(self._source, Arrow) else None

    def place(self, misfit: MisfitError) -> Place:
        """Return which row it is that does not fit."""
        return Place(self._source.name, record=misfit.record, last=misfit.last)

    def _converted(self, page: Sequence[Any]) -> list[list[Any]]:
        """Convert values. A text goes as it is, and the database makes of it what it can."""
        rows = [list(row) for row in page]
        for index, convert in self._converters:
            for row in rows:
                if not isinstance(row[index], str):
                    row[index] = convert(row[index])
        return rows
