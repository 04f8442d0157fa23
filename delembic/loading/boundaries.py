"""Where the records of a delimited file end, found in blocks of bytes.

As in PostgreSQL's CSV, a newline ends a record if the number of quotes before it is even. A doubled
quote inside a field leaves that number even. So counting is enough, and bytes count fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple

BLOCK_BYTES = 256 * 1024
_NEWLINE = b"\n"


class Extent(NamedTuple):
    """What is known of the records in a block.

    Attributes:
        records: How many of them end in it.
        end: The position behind the last of these; 0 if none ends.
        quoted: Whether the block ends inside of quotes.
    """

    records: int
    end: int
    quoted: bool


def extent(block: bytes, quote: bytes | None, *, quoted: bool = False) -> Extent:
    r"""Tell how many records end in a block, and where the last of them does.

    Args:
        block: Any part of a file, in an encoding that keeps ASCII as it is.
        quote: The quote; ``None`` if the file has none.
        quoted: Whether the block begins inside of quotes.

    Example:
        >>> extent(b'1,"a\nb"\n2,c\n3,', b'"')
        Extent(records=2, end=12, quoted=False)
    """
    if quote is None or (not quoted and quote not in block):
        return Extent(block.count(_NEWLINE), block.rfind(_NEWLINE) + 1, quoted=False)
    pieces = block.split(quote)
    records = sum(piece.count(_NEWLINE) for piece in pieces[quoted::2])
    ends_quoted = quoted ^ (len(pieces) % 2 == 0)
    return Extent(records, _search(block, quote, ends_quoted), ends_quoted)


def last_end(block: bytes, quote: bytes | None, *, quoted: bool = False) -> tuple[int, bool]:
    """Return the end of the last record in a block, and whether the block ends inside of quotes.

    The arguments are those of `extent`, and so are the results. This takes a fraction of its time.
    """
    if quote is None:
        return block.rfind(_NEWLINE) + 1, False
    ends_quoted = quoted ^ (block.count(quote) % 2 == 1)
    return _search(block, quote, ends_quoted), ends_quoted


def end_of(block: bytes, number: int, quote: bytes | None, *, quoted: bool = False) -> int:
    r"""Return the position behind the record with a number, counted from 1.

    Args:
        block: Any part of a file in which at least that many records end.
        number: Which of them.
        quote: As for `extent`.
        quoted: As for `extent`.

    Example:
        >>> end_of(b'1,"a\nb"\n2,c\n', 1, b'"')
        8
    """
    try:
        return next(islice(ends(block, quote, quoted=quoted), number - 1, None))
    except StopIteration:
        raise ValueError(f"no {number} records end in the block") from None


def ends(block: bytes, quote: bytes | None, *, quoted: bool = False) -> Iterator[int]:
    """Yield the position behind each record that ends in a block.

    The arguments are those of `extent`.
    """
    position = 0
    for index, piece in enumerate([block] if quote is None else block.split(quote)):
        end = 0
        if index % 2 == quoted:
            while end := piece.find(_NEWLINE, end) + 1:
                yield position + end
        position += len(piece) + 1


def _search(block: bytes, quote: bytes, quoted: bool) -> int:
    """Look for the last newline outside of quotes, from the end on."""
    end = len(block)
    while (newline := block.rfind(_NEWLINE, 0, end)) >= 0:
        quoted ^= block.count(quote, newline, end) % 2 == 1
        if not quoted:
            return newline + 1
        end = newline
    return 0


class RecordReader:
    """Reads whole records from a binary file, in parts of a chosen size.

    Args:
        file: An open binary file, at the beginning of a record.
        quote: The quote; ``None`` if the file has none.

    Attributes:
        position: How many bytes the records so far have, from where the file stood.
    """

    def __init__(self, file: BinaryIO, quote: bytes | None = b'"') -> None:
        self.position = 0
        self._file = file
        self._quote = quote
        self._rest = b""

    def read(self, *, rows: int | None = None, size: int | None = None) -> bytes:
        r"""Return the next records; nothing at the end of the file.

        Args:
            rows: How many records, at most.
            size: How many bytes, at least. The record that reaches that size is the last one.

        Example:
            >>> import io
            >>> reader = RecordReader(io.BytesIO(b'1,"a\nb"\n2,c\n3,d'))
            >>> reader.read(rows=1), reader.read(size=1), reader.read(), reader.read()
            (b'1,"a\nb"\n', b'2,c\n', b'3,d', b'')
        """
        parts: list[bytes] = []
        length, quoted = 0, False
        while block := self._next():
            end, done, quoted, rows = self._cut(block, length, quoted, rows, size)
            parts.append(block[:end])
            length += end
            if done:
                self._rest = block[end:]
                break
        self.position += length
        return b"".join(parts)

    def _next(self) -> bytes:
        block = self._rest or self._file.read(BLOCK_BYTES)
        self._rest = b""
        return block

    def _cut(
        self, block: bytes, length: int, quoted: bool, rows: int | None, size: int | None
    ) -> tuple[int, bool, bool, int | None]:
        """Return how much of a block belongs to the part, and how to go on."""
        found = extent(block, self._quote, quoted=quoted)
        if rows is not None:
            if found.records >= rows:
                return end_of(block, rows, self._quote, quoted=quoted), True, False, None
            rows -= found.records
        if size is not None and found.end and length + found.end >= size:
            return self._first_end_from(block, size - length, quoted), True, False, None
        return len(block), False, found.quoted, rows

    def _first_end_from(self, block: bytes, least: int, quoted: bool) -> int:
        """Return the first end of a record at which a block has at least that many bytes."""
        before = extent(block[: max(least - 1, 0)], self._quote, quoted=quoted)
        return end_of(block, before.records + 1, self._quote, quoted=quoted)
