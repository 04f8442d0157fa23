"""Finds the ranges of a key in a table.

Every range is found by the key itself: the next bound is the key of the row that many rows after
the last one. Neither an offset from the beginning nor arithmetic with ids is involved, so a gap of
millions of ids costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Inspector, Select, TextClause, func, inspect, select, text
from sqlalchemy.exc import NoSuchTableError

from delembic.batches.key_ranges import KeyBatch, KeyRanges, range_sql, range_values
from delembic.batches.source import Cut
from delembic.database.dialects import Name, kind_of
from delembic.database.places import named
from delembic.errors import UnfitBatchesError

_LARGE_ROWS = 100_000
"""A table with more rows than this must have an index on the key."""


class KeySource:
    """The `Source` of `KeyRanges`."""

    has_own_size = False

    def __init__(self, ranges: KeyRanges) -> None:
        schema, _, table = ranges.table.rpartition(".")
        self._ranges = ranges
        self._table, self._schema = table, schema or None
        self._names: tuple[str, ...] = ranges.columns or ()
        self._name = Name(table, self._schema, ranges.table)
        self._columns: tuple[str, ...] = ()
        self._is_unique = True
        self._row_values = True

    def identity(self) -> dict[str, Any]:
        """See `Source`; known after `check`."""
        ranges = self._ranges
        return {"table": ranges.table, "key": list(self._names), "condition": ranges.where}

    def check(self, conn: Connection) -> None:
        """See `Source`."""
        self._row_values = kind_of(conn.dialect.name).row_values
        self._name = named(conn.dialect, self._table, self._schema)
        inspector = inspect(conn)
        try:
            columns = inspector.get_columns(self._table, self._schema)
        except NoSuchTableError:
            raise UnfitBatchesError(
                f"there is no table {self._ranges.table}",
                "Correct the name in KeyRanges, or put its schema in front: 'cdm.measurement'.",
            ) from None
        self._names = self._ranges.columns or self._primary_key(inspector)
        self._check_key(conn, {column["name"]: column for column in columns})
        self._is_unique = any(each <= set(self._names) for each in self._unique_sets(inspector))
        self._check_index(conn, inspector)

    def bound(self, conn: Connection) -> Any:
        """See `Source`: the first key and the last one, or ``None`` for an empty table."""
        first, last = (self._end(conn, direction) for direction in ("ASC", "DESC"))
        return {"first": first, "last": last} if last else None

    def total(self, conn: Connection) -> int | None:
        """See `Source`."""
        return kind_of(conn.dialect.name).estimated_rows(conn, self._name)

    def next(self, conn: Connection, cursor: Any, bound: Any, size: int | None) -> Cut | None:
        """See `Source`."""
        if bound is None or cursor == bound["last"]:
            return None
        rows = size or 1
        until = self._key_after(conn, cursor, bound["last"], rows - 1)
        if until is None or not self._is_unique:
            until = until or bound["last"]
            rows = self._count(conn, cursor, until)
            if not rows:
                return None
        batch = KeyBatch(
            self._name.quoted,
            self._columns,
            cursor,
            until,
            self._ranges.where,
            self._row_values,
        )
        return Cut(batch, until, rows, self._place(until))

    def position(self, cursor: Any, bound: Any) -> float | None:
        """See `Source`. Only a key that is a single number has one."""
        if not bound or not cursor or len(cursor) != 1:
            return None
        ends: list[Any] = [bound["first"], cursor, bound["last"]]
        first, here, last = (key[0] for key in ends)
        try:
            share = float((here - first) / (last - first))
        except (TypeError, ZeroDivisionError):
            return None
        return min(max(share, 0.0), 1.0)

    def close(self) -> None:
        """See `Source`; nothing is open."""

    def _check_key(self, conn: Connection, columns: Mapping[str, Any]) -> None:
        table = self._ranges.table
        if not self._names:
            raise UnfitBatchesError(
                f"the table {table} has no primary key",
                f"Name the columns to cut it by: KeyRanges({table!r}, key='…').",
            )
        if missing := [name for name in self._names if name not in columns]:
            raise UnfitBatchesError(
                f"the table {table} has no column {', '.join(missing)}",
                f"Its columns are: {', '.join(columns)}.",
            )
        quote = conn.dialect.identifier_preparer.quote
        self._columns = tuple(map(quote, self._names))
        may_be_null = [quote(name) for name in self._names if columns[name]["nullable"]]
        if may_be_null and self._has_null(conn, may_be_null):
            raise UnfitBatchesError(
                f"the key {', '.join(self._names)} of {table} is NULL in some rows, which no range"
                " would contain",
                "Choose a key without NULLs, or exclude them: where='… IS NOT NULL'.",
            )

    def _has_null(self, conn: Connection, columns: Sequence[str]) -> bool:
        conditions = [" OR ".join(f"{column} IS NULL" for column in columns)]
        conditions += [self._ranges.where] if self._ranges.where else []
        found = self._select(text("1")).where(*(text(f"({each})") for each in conditions)).limit(1)
        return conn.execute(found).first() is not None

    def _check_index(self, conn: Connection, inspector: Inspector) -> None:
        place = self._table, self._schema
        indexed: list[list[Any]] = [
            list(self._primary_key(inspector)),
            *(each["column_names"] for each in inspector.get_indexes(*place)),
            *(each["column_names"] for each in inspector.get_unique_constraints(*place)),
        ]
        wanted = list(self._names)
        if any(each[: len(wanted)] == wanted for each in indexed):
            return
        order = text(self._columns[0])
        is_large = self._select(text("1")).order_by(order).limit(1).offset(_LARGE_ROWS)
        if conn.execute(is_large).first():
            columns = ", ".join(self._columns)
            raise UnfitBatchesError(
                f"the key {', '.join(self._names)} of {self._ranges.table} has no index, so each"
                f" batch would read the whole table of more than {_LARGE_ROWS:,} rows",
                f"Choose a key that has one, or create one on {self._name.quoted} ({columns}).",
            )

    def _primary_key(self, inspector: Inspector) -> tuple[str, ...]:
        key = inspector.get_pk_constraint(self._table, self._schema)
        return tuple(key["constrained_columns"])

    def _unique_sets(self, inspector: Inspector) -> Iterator[set[str | None]]:
        """Yield the sets of columns whose values are unique in the table."""
        if key := self._primary_key(inspector):
            yield set(key)
        for constraint in inspector.get_unique_constraints(self._table, self._schema):
            yield set(constraint["column_names"])
        for index in inspector.get_indexes(self._table, self._schema):
            is_partial = any(name.endswith("_where") for name in index.get("dialect_options", {}))
            if index["unique"] and not is_partial:
                yield set(index["column_names"])

    def _end(self, conn: Connection, direction: str) -> list[Any] | None:
        order = [text(f"{column} {direction}") for column in self._columns]
        row = conn.execute(self._select(*self._keys()).order_by(*order).limit(1)).first()
        return list(row) if row else None

    def _key_after(
        self, conn: Connection, after: Any, until: Sequence[Any], offset: int
    ) -> list[Any] | None:
        """Return the key of a row, counted from the first one after a key; ``None`` if none is."""
        keys = self._keys()
        query = self._select(*keys).where(self._range(after)).order_by(*keys)
        row = conn.execute(query.limit(1).offset(offset), range_values(after, until)).first()
        return list(row) if row else None

    def _count(self, conn: Connection, after: Any, until: Sequence[Any]) -> int:
        query = self._select(func.count()).where(self._range(after))
        return int(conn.execute(query, range_values(after, until)).scalar_one())

    def _select(self, *columns: Any) -> Select[Any]:
        return select(*columns).select_from(text(self._name.quoted))

    def _keys(self) -> list[TextClause]:
        # As text, so that the values stay as the driver has given them.
        return [text(column) for column in self._columns]

    def _range(self, after: Any) -> TextClause:
        conditions = range_sql(self._columns, begins=after is not None, row_values=self._row_values)
        return text(" AND ".join(conditions))

    def _place(self, key: Sequence[Any]) -> str:
        return ", ".join(f"{name} = {value}" for name, value in zip(self._names, key, strict=True))
