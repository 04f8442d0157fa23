"""Ranges of the key of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, select, text
from sqlalchemy.types import NullType

from delembic.migration import Batches

AFTER, UNTIL = "batch_after", "batch_until"
"""What the names of a batch's parameters begin with."""


@dataclass(frozen=True)
class KeyRanges(Batches):
    """Cuts a table by ranges of its key.

    A batch is that many rows of the table in the order of the key. The end is frozen when the
    migration begins: rows that arrive later with a higher key are not part of the work.

    Example:
        >>> KeyRanges("measurement", key="measurement_id", where="unit IS NOT NULL").columns
        ('measurement_id',)

    Attributes:
        table: The table, with its schema if it needs one: ``cdm.measurement``.
        key: The column or columns of the key; the primary key if ``None``. It need not be unique:
            rows with the same value stay together.
        where: The condition for the rows to be changed, in SQL. It is part of
            `delembic.KeyBatch.where`, and does not affect how large a batch is.
    """

    table: str
    key: str | Sequence[str] | None = None
    where: str | None = None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of the key; ``None`` for those of the primary key."""
        if self.key is None:
            return None
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)


@dataclass(frozen=True)
class KeyBatch:
    """The rows of a table in one range of its key.

    Example:
        >>> batch = KeyBatch("measurement", ("id",), [10], [20], "unit IS NOT NULL")
        >>> batch.where
        'id > :batch_after_1 AND id <= :batch_until_1 AND (unit IS NOT NULL)'
        >>> batch.parameters
        {'batch_after_1': 10, 'batch_until_1': 20}
        >>> batch.aliased("m").where
        'm.id > :batch_after_1 AND m.id <= :batch_until_1 AND (unit IS NOT NULL)'

    Attributes:
        table: The table, quoted.
        columns: The columns of the key, quoted.
        after: The values of the last key before it; ``None`` at the beginning.
        until: The values of its last key.
        filter: The condition of the `KeyRanges`.
        row_values: Whether keys are compared as row values.
    """

    table: str
    columns: tuple[str, ...]
    after: Sequence[Any] | None
    until: Sequence[Any]
    filter: str | None = None
    row_values: bool = field(default=True, repr=False)

    @cached_property
    def where(self) -> str:
        """The range and the condition as SQL, for ``text``; its values are in `parameters`."""
        parts = range_sql(self.columns, begins=self.after is not None, row_values=self.row_values)
        return " AND ".join([*parts, f"({self.filter})"] if self.filter else parts)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The values for `where`, by name."""
        return range_values(self.after, self.until)

    @cached_property
    def condition(self) -> TextClause:
        """The same as an expression of SQLAlchemy: ``update(table).where(batch.condition)``."""
        # Without a type, as the driver has given them, so that no cast changes a comparison.
        values = [
            bindparam(name, value, type_=NullType()) for name, value in self.parameters.items()
        ]
        return text(self.where).bindparams(*values)

    def rows(self, conn: Connection, *columns: str) -> Sequence[Row[Any]]:
        """Read the rows of the batch that fulfil the condition, in the order of the key.

        Args:
            conn: What ``upgrade_batch`` has been given.
            columns: The names of columns; all of them if none is given.
        """
        quote = conn.dialect.identifier_preparer.quote
        wanted = ", ".join(map(quote, columns)) or "*"
        order = ", ".join(self.columns)
        query = select(text(wanted)).select_from(text(self.table)).where(text(self.where))
        return conn.execute(query.order_by(text(order)), self.parameters).all()

    def aliased(self, alias: str) -> KeyBatch:
        """Return the batch for a statement in which the table has another name.

        Only the columns of the key get it; write it into the condition of the `KeyRanges` where
        that needs it.
        """
        columns = tuple(f"{alias}.{column}" for column in self.columns)
        return KeyBatch(self.table, columns, self.after, self.until, self.filter, self.row_values)


def range_sql(columns: Sequence[str], *, begins: bool, row_values: bool) -> list[str]:
    """Return the conditions for the keys after one and up to another.

    Args:
        columns: The columns of the key, quoted.
        begins: Whether there is a key before the range.
        row_values: Whether the database compares row values by an index. If not, the same is said
            column by column.
    """
    conditions = [compared(columns, AFTER, ">", row_values=row_values)] if begins else []
    return [*conditions, compared(columns, UNTIL, "<=", row_values=row_values)]


def compared(columns: Sequence[str], name: str, operator: str, *, row_values: bool) -> str:
    """Return the condition that compares a key with the values of parameters.

    Example:
        >>> compared(("a", "b"), "key", ">", row_values=True)
        '(a, b) > (:key_1, :key_2)'
        >>> compared(("a", "b"), "key", "<=", row_values=False)
        '(a < :key_1 OR (a = :key_1 AND b <= :key_2))'
    """
    names = [f":{name}_{number}" for number, _ in enumerate(columns, 1)]
    if len(columns) == 1:
        return f"{columns[0]} {operator} {names[0]}"
    if row_values:
        return f"({', '.join(columns)}) {operator} ({', '.join(names)})"
    *earlier, (last_column, last_name) = zip(columns, names, strict=True)
    condition = f"{last_column} {operator} {last_name}"
    for column, each in reversed(earlier):
        condition = f"({column} {operator[0]} {each} OR ({column} = {each} AND {condition}))"
    return condition


def range_values(after: Sequence[Any] | None, until: Sequence[Any]) -> dict[str, Any]:
    """Return the values of the parameters of `range_sql`."""
    named = [(AFTER, after or ()), (UNTIL, until)]
    return {
        f"{name}_{number}": value
        for name, values in named
        for number, value in enumerate(values, 1)
    }
