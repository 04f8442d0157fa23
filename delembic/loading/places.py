"""Where in a file a record is: its line, with newlines inside of quotes counted too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from delembic.database.dialects import Form
from delembic.loading.boundaries import ends, extent


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a source.

    Attributes:
        name: How errors call the source.
        line: The line on which a record begins, if it is known.
        record: The number of a row, counted from 1, if it is known.
        last: If only a range of rows is known: the number of the last one.
    """

    name: str
    line: int | None = None
    record: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        if self.record and self.last and self.last != self.record:
            return f"{self.name}, one of the rows {self.record:,} to {self.last:,}"
        if self.line:
            return f"{self.name}, line {self.line}"
        return f"{self.name}, row {self.record}" if self.record else self.name


def place_in(blocks: Iterable[bytes], form: Form, place: Place) -> Place:
    """Return a place with the line on which its record begins.

    Args:
        blocks: The text from its beginning, the header included.
        form: Its form.
        place: With the number of a record, the header counted, or with any line of a record.
    """
    if place.last and place.last != place.record:
        return place
    for record, first, last in _records_near(blocks, form, place):
        if record == place.record or (place.line and first <= place.line <= last):
            return replace(place, line=first)
    return place


def _records_near(
    blocks: Iterable[bytes], form: Form, place: Place
) -> Iterator[tuple[int, int, int]]:
    """Yield the number, the first and the last line of records, but skip blocks before the place.

    A record that begins in an earlier block has its first line there.
    """
    quote = form.quote.encode() if form.quote else None
    record, line, first, quoted = 0, 1, 1, False
    for block in blocks:
        found = extent(block, quote, quoted=quoted)
        lines = block.count(b"\n")
        if record + found.records >= (place.record or 0) and line + lines >= (place.line or 0):
            position, until = 0, line
            for number, end in enumerate(ends(block, quote, quoted=quoted), record + 1):
                until += block.count(b"\n", position, end)
                yield number, first, until - 1
                first, position = until, end
        elif found.end:
            first = line + block.count(b"\n", 0, found.end)
        record, line, quoted = record + found.records, line + lines, found.quoted
    yield record + 1, first, line
