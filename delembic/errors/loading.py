"""Errors of `delembic.bulk_load`. They name places; values stand only in a server's message."""

from __future__ import annotations

from collections.abc import Sequence

from delembic.errors.root import DelembicError, did_you_mean


class LoadError(DelembicError):
    """Rows cannot be loaded, and none were."""


class SourceError(LoadError):
    """A file cannot be read as it is said to be.

    Args:
        name: The file, as errors call it.
        problem: What is wrong with it.
        remedy: What to do about it.
        line: The line where that is, counted from 1.
    """

    def __init__(self, name: str, problem: str, remedy: str = "", line: int | None = None) -> None:
        place = f"{name}, line {line}" if line else name
        super().__init__(f"{place}: {problem}", remedy)
        self.name, self.line = name, line


class RowRefusedError(LoadError):
    """The database has refused a row.

    Args:
        place: The file and the line, or the number of the row.
        table: The table.
        reason: What the database says.
        column: The column, if the driver tells it.
        line: The line of the file, if it is known.
    """

    def __init__(
        self,
        place: str,
        table: str,
        reason: str,
        *,
        column: str | None = None,
        line: int | None = None,
    ) -> None:
        of = f", column {column}" if column else ""
        super().__init__(
            f"{place}{of}: a row does not fit into {table}: {reason}",
            "None of its rows were loaded.",
        )
        self.column, self.line = column, line


class UnknownColumnError(LoadError):
    """The table has no column of a name.

    Args:
        source: What names the column: a file, or the rows.
        name: The column.
        table: The table.
        known: Its columns.
    """

    def __init__(self, source: str, name: str, table: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{source} has a column {name!r}, and {table} has none of that name."
            f"{did_you_mean(name, known)}",
            "Correct the header, or name the table's columns in their order: columns=[…]. If the"
            " header is right, look at delimiter and quote.",
        )
        self.column = name


class ConflictKeyError(LoadError):
    """The rows that conflict cannot be told by a key."""

    def __init__(self, table: str, problem: str) -> None:
        super().__init__(
            f"{table} {problem}, so delembic cannot tell which rows conflict.",
            "Name the columns of its primary key or of a unique constraint: key=[…].",
        )
