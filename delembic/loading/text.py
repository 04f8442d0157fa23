"""A delimited text, brought into one form: UTF-8, whole records, each with a newline at its end."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from delembic.database.dialects import Form
from delembic.errors import LoadError, SourceError
from delembic.loading.boundaries import BLOCK_BYTES, last_end

_LONGEST_RECORD = 64 * 1024 * 1024
_CANNOT_SPLIT = "\n\r"


def check_form(form: Form) -> None:
    """Refuse what no database could read.

    Raises:
        LoadError: A sign is no single ASCII character, or is used twice.
    """
    signs = {"delimiter": form.delimiter, "quote": form.quote}
    for name, sign in signs.items():
        if sign is not None and (len(sign) != 1 or not sign.isascii() or sign in _CANNOT_SPLIT):
            raise LoadError(f"{name} has to be one ASCII character, and {sign!r} is not.")
    if form.delimiter == form.quote:
        raise LoadError(f"delimiter and quote are both {form.quote!r}.")
    if any(sign and sign in form.null for sign in (*signs.values(), *_CANNOT_SPLIT)):
        raise LoadError("null contains the delimiter, the quote or a line end.")


def transcoded(file: BinaryIO, name: str, encoding: str) -> Iterator[bytes]:
    """Yield the blocks of a file in UTF-8, without a byte order mark.

    Args:
        file: An open binary file.
        name: How errors call it.
        encoding: Its encoding.

    Raises:
        SourceError: The file is damaged, or is in another encoding.
        LoadError: Nobody knows the encoding.
    """
    try:
        codec = codecs.lookup(encoding)
    except LookupError as error:
        raise LoadError(f"encoding: Python does not know {encoding!r}.") from error
    blocks = _read(file, name)
    if codec.name == "utf-8":  # which is checked record by record
        yield from _without_mark(blocks)
        return
    decoder, lines = codec.incrementaldecoder(), 1
    try:
        for block in blocks:
            text = decoder.decode(block).encode(errors="surrogatepass")
            lines += text.count(b"\n")
            yield text
        yield decoder.decode(b"", True).encode()
    except UnicodeDecodeError as error:
        before = bytes(error.object[: error.start]).decode(encoding, "ignore")
        raise wrong_encoding(name, encoding, lines + before.count("\n")) from error


def wrong_encoding(name: str, encoding: str, line: int | None) -> SourceError:
    """Return the error for bytes that are not in the encoding of their file."""
    return SourceError(name, f"this is not {encoding}.", "Name its encoding: encoding=….", line)


def _read(file: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        while block := file.read(BLOCK_BYTES):
            if not isinstance(block, bytes):
                raise SourceError(
                    name, "it was opened as text.", "Open it as bytes: open(…, 'rb')."
                )
            yield block
    except (EOFError, zlib.error) as error:
        raise SourceError(name, "its compressed data is cut off or damaged.", _FETCH) from error
    except OSError as error:
        raise SourceError(name, f"it cannot be read: {error.strerror or error}.", _FETCH) from error


_FETCH = "Fetch the file again."


def _without_mark(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from blocks


class Records:
    """The records of a text, in blocks of whole records and in one form of line ends.

    Args:
        blocks: The text in UTF-8, or what is taken for it.
        name: How errors call it.
        form: Its form.
        encoding: Its encoding, for errors.
    """

    def __init__(self, blocks: Iterator[bytes], name: str, form: Form, encoding: str) -> None:
        self.bytes = 0
        self._raw = blocks
        self._name = name
        self._encoding = encoding
        self._quote = form.quote.encode() if form.quote else None
        self._line = 1
        self._stray = _stray_quotes(form) if form.quote else None

    def __iter__(self) -> Iterator[bytes]:
        for block in self._whole():
            self._check_encoding(block)
            yield self._settled(block)
            self._line += block.count(b"\n")

    def _whole(self) -> Iterator[bytes]:
        """Cut blocks where records end."""
        parts: list[bytes] = []
        length, quoted = 0, False
        for block in self._raw:
            self.bytes += len(block)
            end, quoted = last_end(block, self._quote, quoted=quoted)
            if end:
                yield b"".join([*parts, block[:end]])
                parts, length = [], 0
            parts.append(block[end:])
            length += len(parts[-1])
            if length > _LONGEST_RECORD:
                raise self._error("a record has more than 64 MiB.", _LOOK_FOR_QUOTE)
        if quoted:
            raise self._error("a quote opens in this record and is not closed.", _LOOK_FOR_QUOTE)
        if rest := b"".join(parts):
            yield rest + b"\n"

    def _check_encoding(self, block: bytes) -> None:
        if block.isascii():
            return
        try:
            block.decode()
        except UnicodeDecodeError as error:
            line = self._line + block.count(b"\n", 0, error.start)
            raise wrong_encoding(self._name, self._encoding, line) from error

    def _settled(self, block: bytes) -> bytes:
        """Return a block with plain line ends, after a look at its quotes."""
        quote = self._quote
        if quote is None or quote not in block:
            return self._plain(block) if b"\r" in block else block
        pieces = block.split(quote)
        outside = quote.join(pieces[::2])
        if self._stray and (found := self._stray.search(outside)):
            raise self._stray_error(pieces, outside.count(quote, 0, found.start()), quote)
        if b"\r" in outside:
            pieces[::2] = self._plain(outside).split(quote)
            return quote.join(pieces)
        return block

    def _plain(self, outside: bytes) -> bytes:
        settled = outside.replace(b"\r\n", b"\n")
        if self._quote and b"\r" in settled:
            raise self._error(
                "a carriage return stands alone, outside of quotes.",
                "Line ends have to be \\n or \\r\\n.",
            )
        return settled

    def _stray_error(self, pieces: list[bytes], before: int, quote: bytes) -> SourceError:
        position = quote.join(pieces[: 2 * before + 1])
        self._line += position.count(b"\n")
        return self._error("a quote stands in the middle of a field.", _LOOK_FOR_QUOTE)

    def _error(self, problem: str, remedy: str) -> SourceError:
        return SourceError(self._name, problem, remedy, self._line)


_LOOK_FOR_QUOTE = (
    "Correct the file, or say that quotes have no meaning in it: quote=None. In a field in quotes,"
    " a quote has to be doubled."
)


def _stray_quotes(form: Form) -> re.Pattern[bytes]:
    """Find a quote that neither begins nor ends a field, in what is outside of quotes."""
    delimiter, quote = (re.escape(str(sign).encode()) for sign in (form.delimiter, form.quote))
    # It begins with the quote itself, for which the search is fastest.
    return re.compile(
        rb"%b(?:(?<=[^%b\n%b]%b)|(?=[^%b\r\n%b]))"
        % (quote, delimiter, quote, quote, delimiter, quote)
    )
