"""Chunks of a file with records."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from delembic.migration import Batches

_JSON_LINES = (".jsonl", ".ndjson")
_GZIP = ".gz"


@dataclass(frozen=True)
class FileChunks(Batches):
    """Cuts a file at the ends of its records: CSV, TSV or JSON Lines, also packed as ``.gz``.

    How far the work has come is a place in the file, and the file must stay as it is until the
    migration is applied.

    Example:
        >>> FileChunks("data/concept.csv.gz", rows=50_000).is_packed
        True

    Attributes:
        path: The file; a relative path begins in the folder of ``delembic.ini``.
        rows: How many records a chunk has.
        mebibytes: How large a chunk is instead, unpacked; 16 if neither is given.
        delimiter: What separates the fields of a record, for
            `delembic.FileBatch.records`.
        quote: What may enclose a field, and newlines in it; ``None`` if quotes have no meaning in
            the file.
        header: Whether the first record names the columns. Each chunk begins with it.
        encoding: The encoding of the file, which must keep the bytes of ASCII as UTF-8 does.
    """

    path: str | Path
    rows: int | None = None
    mebibytes: float | None = None
    delimiter: str = ","
    quote: str | None = '"'
    header: bool = True
    encoding: str = "utf-8"

    @property
    def is_packed(self) -> bool:
        """Whether the file is packed."""
        return Path(self.path).suffix == _GZIP

    @property
    def has_json(self) -> bool:
        """Whether each line is a JSON value, so that there is neither a header nor a quote."""
        suffixes = [suffix for suffix in Path(self.path).suffixes if suffix != _GZIP]
        return suffixes[-1:] != [] and suffixes[-1] in _JSON_LINES


class _Chunk(io.BytesIO):
    """A chunk as a file, which errors can name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


@dataclass(frozen=True)
class FileBatch:
    """The records of one chunk.

    Attributes:
        chunks: What has cut it.
        content: Its records.
        header: The header's record, with its newline; empty if the file has none.
        line: The number of its first line in the file, from 1.
    """

    chunks: FileChunks
    content: bytes
    header: bytes
    line: int

    @property
    def file(self) -> BinaryIO:
        """The chunk as a binary file, the header first: ``bulk_load(conn, "t", batch.file)``."""
        name = f"{self.chunks.path} from line {self.line} on"
        return _Chunk(self.header + self.content, name)

    def records(self) -> Iterator[Any]:
        """Yield the records: mappings by the names of the header, lists, or values of JSON."""
        text = io.TextIOWrapper(self.file, encoding=self.chunks.encoding, newline="")
        if self.chunks.has_json:
            yield from (json.loads(line) for line in text if line.strip())
            return
        form: dict[str, Any] = {"delimiter": self.chunks.delimiter}
        if self.chunks.quote is None:
            form["quoting"] = csv.QUOTE_NONE
        else:
            form["quotechar"] = self.chunks.quote
        yield from csv.DictReader(text, **form) if self.chunks.header else csv.reader(text, **form)
