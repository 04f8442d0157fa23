"""What rows come from: a file with records, objects of Python, or data in Arrow's form."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from delembic.errors import DependencyNotInstalledError, LoadError, SourceError, render_path

_PARQUET = ".parquet"
_GZIP = ".gz"
_PAGE_ROWS = 1_000
_ARROW_ROWS = 10_000


class File:
    """A file with records, which can be read again as long as it is still there.

    Attributes:
        name: How errors call it.
        reopens: Whether it can be read again.
    """

    def __init__(self, source: Path | BinaryIO) -> None:
        self._path = source if isinstance(source, Path) else None
        self._file = None if isinstance(source, Path) else source
        self.name = render_path(source) if isinstance(source, Path) else _name_of(source)
        self.reopens = isinstance(source, Path) or _is_seekable(source)
        self._start = self._file.tell() if self._file and self.reopens else 0

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Yield the file at its beginning, or where it stood when it was given.

        Raises:
            SourceError: There is no such file, or it cannot be opened.
        """
        if self._file is not None:
            if self.reopens:
                self._file.seek(self._start)
            yield self._file
            return
        path = self._path or Path()
        try:
            is_packed = path.suffix == _GZIP
            # It is closed below; an error of the block is none of its opening.
            opened: Any = gzip.open(path) if is_packed else path.open("rb")  # noqa: SIM115
        except FileNotFoundError as error:
            raise SourceError(self.name, "there is no such file.", _PATHS) from error
        except OSError as error:
            raise SourceError(self.name, f"it cannot be opened: {error.strerror}.") from error
        with opened:
            yield opened


_PATHS = "A relative path is read from the folder of delembic.ini."


class Values:
    """Rows of Python's values.

    Attributes:
        name: How errors call them.
        columns: Their columns, if they have names.
    """

    name = "the source"

    def __init__(self, rows: Iterable[Any]) -> None:
        # The first one tells whether they are mappings.
        rows = iter(rows)
        first = list(islice(rows, 1))
        self._is_named = bool(first) and isinstance(first[0], Mapping)
        self.columns = list(first[0]) if self._is_named else None
        self._rows = chain(first, rows)

    def pages(self, columns: list[str]) -> Iterator[list[Any]]:
        """Yield pages of rows with their values in the order of the columns.

        Raises:
            SourceError: A row has other columns or another number of values.
        """
        rows = self._in_order(columns)
        while page := list(islice(rows, _PAGE_ROWS)):
            yield page

    def _in_order(self, columns: list[str]) -> Iterator[Any]:
        width = len(columns)
        for number, row in enumerate(self._rows, 1):
            if self._is_named:
                try:
                    yield [row[name] for name in columns]
                except (KeyError, TypeError, IndexError) as error:
                    raise SourceError(self.name, f"row {number} has other columns.") from error
            elif isinstance(row, str | bytes | Mapping) or not hasattr(row, "__len__"):
                raise SourceError(self.name, f"row {number} is no tuple, but a {_kind(row)}.")
            elif len(row) != width:
                raise SourceError(
                    self.name, f"row {number} has {len(row)} values, and not {width}."
                )
            else:
                yield row


class Arrow:
    """Data in Arrow's form.

    Attributes:
        name: How errors call it.
        columns: The names of its columns.
        reader: Its ``pyarrow.RecordBatchReader``.
    """

    def __init__(self, reader: Any, name: str) -> None:
        self.name = name
        self.columns: list[str] = list(reader.schema.names)
        self.reader = reader

    def pages(self) -> Iterator[list[Any]]:
        """Yield pages of rows."""
        for batch in self.reader:
            for start in range(0, batch.num_rows, _PAGE_ROWS):
                part = batch.slice(start, _PAGE_ROWS)
                yield list(zip(*(column.to_pylist() for column in part.columns), strict=True))


Source = File | Values | Arrow


def source_of(source: Any, root: Path) -> Source:
    """Return a source by what a user has given.

    Args:
        source: A path, a binary file, rows, or what has ``__arrow_c_stream__``.
        root: The folder that a relative path begins in.

    Raises:
        LoadError: It is none of these.
        SourceError: There is no such Parquet file.
        DependencyNotInstalledError: Arrow's data needs a package that is not there.
    """
    if isinstance(source, str | Path):
        path = root / Path(source)
        return _parquet(path) if path.suffix == _PARQUET else File(path)
    if hasattr(source, "__arrow_c_stream__"):
        reader = _pyarrow("pyarrow").RecordBatchReader.from_stream(source)
        return Arrow(reader, "the source")
    if isinstance(source, io.TextIOBase):
        raise SourceError(
            _name_of(source), "it was opened as text.", "Open it as bytes: open(…, 'rb')."
        )
    if hasattr(source, "read"):
        return File(source)
    if isinstance(source, Iterable) and not isinstance(source, bytes | Mapping):
        return Values(source)
    raise LoadError(
        f"source is a {_kind(source)}, from which no rows can be loaded.",
        "Give a path, a binary file, an iterable of tuples or mappings, or Arrow's data.",
    )


def _parquet(path: Path) -> Arrow:
    parquet, lib = _pyarrow("pyarrow.parquet"), _pyarrow("pyarrow")
    name = render_path(path)
    try:
        file = parquet.ParquetFile(path, pre_buffer=False)
    except FileNotFoundError as error:
        raise SourceError(name, "there is no such file.", _PATHS) from error
    except (OSError, lib.ArrowInvalid) as error:
        raise SourceError(name, "it is no Parquet file, or is damaged.") from error
    batches = file.iter_batches(batch_size=_ARROW_ROWS)
    return Arrow(lib.RecordBatchReader.from_batches(file.schema_arrow, batches), name)


def _pyarrow(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise DependencyNotInstalledError("Arrow's data", "pyarrow", "arrow") from error


def _name_of(file: Any) -> str:
    name = getattr(file, "name", None)
    return render_path(Path(name)) if isinstance(name, str) else "the source"


def _is_seekable(file: BinaryIO) -> bool:
    return bool(getattr(file, "seekable", lambda: False)())


def _kind(value: object) -> str:
    return type(value).__name__
