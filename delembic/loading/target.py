"""The table that rows go to, as it is in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Inspector, Table, inspect
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import TypeEngine

from delembic.database.dialects import Hold
from delembic.database.places import named
from delembic.errors import ConflictKeyError, LoadError, UnknownColumnError, did_you_mean


@dataclass(frozen=True)
class Target:
    """A table, and what the database says of it.

    Attributes:
        conn: A connection to its database.
        table: Its name.
        schema: Its schema, if one is named.
        types: The types of its columns, by their names and in their order.
    """

    conn: Connection
    table: str
    schema: str | None
    types: dict[str, TypeEngine[Any]] = field(repr=False)

    @classmethod
    def of(cls, conn: Connection, table: str | Table) -> Target:
        """Look at a table.

        Args:
            conn: A connection to its database.
            table: A table of SQLAlchemy's, or a name, with a schema before a dot if it has one.

        Raises:
            LoadError: There is no such table.
        """
        inspector = inspect(conn)
        translation = conn.get_execution_options().get("schema_translate_map") or {}
        name, schema = _reading(table, inspector, translation)
        try:
            found = inspector.get_columns(name, schema)
        except NoSuchTableError:
            found = []
        if not found:
            near = did_you_mean(name, inspector.get_table_names(schema))
            raise LoadError(f"There is no table {table!s} in the database.{near}")
        types: dict[str, TypeEngine[Any]] = {each["name"]: each["type"] for each in found}
        if isinstance(table, Table):  # which may know more of them than the database
            types |= {each.name: each.type for each in table.columns if each.name in types}
        return cls(conn, name, schema, types)

    @property
    def label(self) -> str:
        """The table, as errors call it."""
        return f"{self.schema}.{self.table}" if self.schema else self.table

    def hold(self, source: str, columns: Sequence[str]) -> Hold:
        """Return the table with the columns that a source fills.

        Raises:
            UnknownColumnError: The table has no such column.
            LoadError: A column is named twice, or none is.
        """
        for name in columns:
            if name not in self.types:
                raise UnknownColumnError(source, name, self.label, list(self.types))
            if columns.count(name) > 1:
                raise LoadError(
                    f"{source} has the column {name!r} twice.", "Name the columns: columns=[…]."
                )
        if not columns:
            raise LoadError(f"{source} has no columns.")
        return Hold(
            self._plain(named(self.conn.dialect, self.table, self.schema).quoted),
            self.table,
            self.schema,
            tuple(columns),
            self.quoted(columns),
        )

    def quoted(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return columns as they stand in statements."""
        quote = self.conn.dialect.identifier_preparer.quote
        return tuple(self._plain(quote(name)) for name in columns)

    def key(self, key: Sequence[str] | None, loaded: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that tell which rows conflict.

        Args:
            key: The columns that a user has named; the primary key if there are none.
            loaded: The columns that are loaded.

        Raises:
            ConflictKeyError: There is no such key, or a part of it is not loaded.
        """
        uniques = self._uniques
        if key is None:
            key = self._primary_key
        if not key:
            raise ConflictKeyError(self.label, "has no primary key")
        names = ", ".join(key)
        if set(key) not in uniques:
            raise ConflictKeyError(self.label, f"has no unique key of ({names})")
        if missing := [name for name in key if name not in loaded]:
            raise ConflictKeyError(self.label, f"gets no values for {', '.join(missing)}")
        return tuple(key)

    def refuse_other_keys(self, key: Sequence[str], loaded: Sequence[str]) -> None:
        """Refuse a table in which rows may conflict by another key too.

        Raises:
            LoadError: There is such a key, and the database cannot tell them apart.
        """
        for other in self._uniques:
            if other != set(key) and other <= set(loaded):
                raise LoadError(
                    f"{self.label} has the unique key ({', '.join(sorted(other))}) too, and this"
                    " database takes a conflict by that one for a conflict by the key.",
                    "Load into a table of your own, and merge from there.",
                )

    def converters(self, columns: Sequence[str]) -> list[Callable[[Any], Any] | None]:
        """Return what brings values of Python into the driver's form, where that is needed."""
        dialect = self.conn.dialect
        return [self.types[name].dialect_impl(dialect).bind_processor(dialect) for name in columns]

    @cached_property
    def _primary_key(self) -> list[str]:
        return inspect(self.conn).get_pk_constraint(self.table, self.schema)["constrained_columns"]

    @cached_property
    def _uniques(self) -> list[set[str]]:
        inspector, place = inspect(self.conn), (self.table, self.schema)
        found = [set(self._primary_key)]
        found += [set(each["column_names"]) for each in inspector.get_unique_constraints(*place)]
        for index in inspector.get_indexes(*place):
            names = index["column_names"]
            # An index with a condition is no key of the whole table.
            if index["unique"] and None not in names and not _is_partial(index):
                found.append({name for name in names if name})
        return [each for each in found if each]

    def _plain(self, quoted: str) -> str:
        """Take back the doubled percent signs, which are for statements with parameters."""
        doubles = getattr(self.conn.dialect.identifier_preparer, "_double_percents", False)
        return quoted.replace("%%", "%") if doubles else quoted


def _reading(
    table: str | Table, inspector: Inspector, translation: Mapping[str | None, str | None]
) -> tuple[str, str | None]:
    """Return a table's name and its schema. A name may have a dot in it, too."""
    if isinstance(table, Table):
        return table.name, translation.get(table.schema, table.schema)
    before, dot, name = table.rpartition(".")
    schema = translation.get(before, before)
    if dot and schema in inspector.get_schema_names():
        return name, schema
    return table, translation.get(None)


def _is_partial(index: Any) -> bool:
    options = index.get("dialect_options", {})
    return any(name.endswith("_where") and value for name, value in options.items())
