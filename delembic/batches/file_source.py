"""Finds the chunks of a file."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection

from delembic.batches.file_chunks import FileBatch, FileChunks
from delembic.batches.source import Cut
from delembic.database.places import root_of
from delembic.errors import UnfitBatchesError
from delembic.loading.boundaries import RecordReader, extent

_DEFAULT_MEBIBYTES = 16
_MEBIBYTE = 1024 * 1024
_MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""


class FileSource:
    """The `Source` of `FileChunks`."""

    has_own_size = True

    def __init__(self, chunks: FileChunks) -> None:
        self._chunks = chunks
        self._path = Path(chunks.path)
        self._has_header = chunks.header and not chunks.has_json
        self._quote = None if chunks.has_json or chunks.quote is None else chunks.quote.encode()
        self._identity: dict[str, Any] = {}
        self._header = b""
        self._raw: BinaryIO | None = None
        self._reader: RecordReader | None = None
        self._begins_at = self._from = 0
        self._kept = b""

    def identity(self) -> dict[str, Any]:
        """See `Source`; known after `check`."""
        return self._identity

    def check(self, conn: Connection) -> None:
        """See `Source`. Reads the whole file once, to know it again."""
        chunks = self._chunks
        sizes = (chunks.rows, chunks.mebibytes)
        if None not in sizes or any(size is not None and size <= 0 for size in sizes):
            raise UnfitBatchesError(
                f"FileChunks has rows={chunks.rows} and mebibytes={chunks.mebibytes}",
                "Give one of them, above 0.",
            )
        self._path = root_of(conn) / chunks.path
        try:
            with self._path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except OSError as error:
            raise UnfitBatchesError(
                f"{chunks.path} cannot be read: {error.strerror}",
                "A relative path is read from the folder of delembic.ini.",
            ) from error
        self._identity = {"file": str(chunks.path), "size in bytes": size, "SHA-256": digest}

    def bound(self, conn: Connection) -> Any:
        """See `Source`; the file's own end."""
        return None

    def total(self, conn: Connection) -> int | None:
        """See `Source`; nobody knows without reading the file."""
        return None

    def next(self, conn: Connection, cursor: Any, bound: Any, size: int | None) -> Cut | None:
        """See `Source`."""
        try:
            offset, line = self._place(cursor)
            content = self._read(offset, size)
        except (OSError, EOFError, zlib.error) as error:
            raise UnfitBatchesError(
                f"{self._chunks.path} cannot be read to its end: {error}",
                "It is damaged or was cut off. Get it again.",
            ) from error
        if not content:
            return None
        rows = extent(content, self._quote).records + (not content.endswith(b"\n"))
        after = {
            "offset": offset + len(content),
            "line": line + content.count(b"\n"),
            "share": self._share(offset + len(content)),
        }
        batch = FileBatch(self._chunks, content, self._header, line)
        return Cut(batch, after, rows, f"{self._chunks.path}, line {line}")

    def position(self, cursor: Any, bound: Any) -> float | None:
        """See `Source`."""
        share: float | None = cursor and cursor["share"]
        return share

    def close(self) -> None:
        """See `Source`."""
        if self._raw:
            self._raw.close()

    def _place(self, cursor: Any) -> tuple[int, int]:
        """Return where the next record begins: its place in the unpacked file, and its line."""
        if self._reader is None:
            self._open()
        if cursor:
            return cursor["offset"], cursor["line"]
        return self._begins_at, self._header.count(b"\n") + 1

    def _read(self, offset: int, rows: int | None) -> bytes:
        """Return the next records from a place on, of the last chunk again if they are in it."""
        if not self._from <= offset < self._from + len(self._kept):
            self._from, self._kept = offset, self._read_on(offset, rows)
            return self._kept
        rest = io.BytesIO(self._kept[offset - self._from :])
        return self._part(RecordReader(rest, self._quote), rows)

    def _read_on(self, offset: int, rows: int | None) -> bytes:
        reader = self._reader
        if reader is None or reader.position != offset:
            reader = self._open(offset)
        return self._part(reader, rows)

    def _part(self, reader: RecordReader, rows: int | None) -> bytes:
        if rows is None and self._chunks.rows is None:
            mebibytes = self._chunks.mebibytes or _DEFAULT_MEBIBYTES
            return reader.read(size=int(mebibytes * _MEBIBYTE))
        return reader.read(rows=rows or self._chunks.rows)

    def _open(self, offset: int | None = None) -> RecordReader:
        """Open the file, and go to a place in it."""
        self.close()
        self._raw = self._path.open("rb")
        file: Any = gzip.GzipFile(fileobj=self._raw) if self._chunks.is_packed else self._raw
        reader = RecordReader(file, self._quote)
        if self._has_header:
            self._header = reader.read(rows=1)
        elif not self._chunks.has_json and file.read(len(_MARK)) == _MARK:
            self._header = _MARK
        self._begins_at = reader.position or len(self._header)
        if not self._has_header or offset is not None:
            begin = self._begins_at if offset is None else offset
            file.seek(begin)  # a packed file is read up to there
            reader = RecordReader(file, self._quote)
            reader.position = begin
        self._reader = reader
        return reader

    def _share(self, offset: int) -> float | None:
        """Return how much of the file was read, of a packed one before it was unpacked."""
        size: int = self._identity["size in bytes"]
        place = self._raw.tell() if self._raw and self._chunks.is_packed else offset
        return min(place / size, 1.0) if size else None
