"""What is loaded, where it goes, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import length_hint
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a delimited text.

    Attributes:
        delimiter: What separates the fields.
        quote: What encloses a field, doubled inside of it; ``None`` if nothing does.
        null: What stands for NULL, without quotes.
    """

    delimiter: str
    quote: str | None
    null: str


class Cargo(Protocol):
    """What is loaded. It is asked for in one of its ways, and once."""

    @property
    def form(self) -> Form | None:
        """The form of its `blocks`; ``None`` if it is no text."""

    def blocks(self) -> Iterator[bytes]:
        """Yield whole records in UTF-8, each with a newline at its end and without a header."""

    def pages(self) -> Iterator[Sequence[Any]]:
        """Yield some thousand rows at a time, each a sequence of values."""

    def arrow(self) -> Any | None:
        """Return its ``pyarrow.RecordBatchReader`` if it is in Arrow's form."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Where rows go.

    Attributes:
        table: The table as it stands in statements.
        name: Its name alone.
        schema: Its schema, if one is named.
        columns: The names of the columns.
        quoted: These names as they stand in statements.
    """

    table: str
    name: str
    schema: str | None
    columns: tuple[str, ...]
    quoted: tuple[str, ...]

    @property
    def list(self) -> str:
        """The columns as a list in a statement."""
        return ", ".join(self.quoted)


@dataclass(frozen=True, slots=True)
class Merge:
    """What to do with rows whose key the table has already.

    Attributes:
        updates: Whether they take the place of those; otherwise they are left out.
        key: The columns of the key, as they stand in statements.
    """

    updates: bool
    key: tuple[str, ...]

    def others(self, hold: Hold) -> list[str]:
        """Return the columns to update."""
        return [column for column in hold.quoted if column not in self.key]


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of a load.

    Attributes:
        rows: How many rows there are more, or are new.
        method: How they got there.
    """

    rows: int
    method: str


class MisfitError(Exception):
    """A row does not fit. It becomes an error for people where the source is known.

    Args:
        reason: What the database says.
        record: The number of the row, counted from 1, if it is known.
        line: Or the line of the text, header left out, on which the row ends.
        column: The column, if the driver tells it.
        last: If only a range of rows is known: the last one.
    """

    def __init__(
        self,
        reason: str,
        *,
        record: int | None = None,
        line: int | None = None,
        column: str | None = None,
        last: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.record, self.line = reason, record, line
        self.column, self.last = column, last


class Tally:
    """The rows of a cargo, and how many of them were taken so far."""

    def __init__(self, cargo: Cargo) -> None:
        self._pages = cargo.pages()
        self._before = self._length = 0
        self._page: Iterator[Any] = iter(())

    def __iter__(self) -> Iterator[Any]:
        # No code of Python's own runs for each row.
        return chain.from_iterable(self._turn())

    @property
    def count(self) -> int:
        """How many rows were taken."""
        return self._before + self._length - length_hint(self._page)

    def _turn(self) -> Iterator[Iterator[Any]]:
        for page in self._pages:
            self._before += self._length
            self._length, self._page = len(page), iter(page)
            yield self._page


def is_misfit(conn: Connection, error: BaseException) -> bool:
    """Whether a driver's error is about a row, and not about the session or the statement."""
    dbapi = conn.dialect.loaded_dbapi
    return isinstance(error, dbapi.DataError | dbapi.IntegrityError)


def as_failure(conn: Connection, statement: str, error: Any) -> DBAPIError:
    """Return a driver's error as SQLAlchemy raises it for its own statements."""
    driver = conn.connection.dbapi_connection
    is_lost = conn.dialect.is_disconnect(error, driver, None)
    failure = DBAPIError.instance(
        statement,
        None,
        error,
        conn.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=conn.dialect,
    )
    if is_lost:
        conn.invalidate(error)
    assert isinstance(failure, DBAPIError)  # noqa: S101 - only others come back as they are
    return failure
