"""The content of a database, and the changes between two states of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, inspect, select, table, text

from delembic.audit.checkpoint_table import checkpoint_table_of
from delembic.audit.share import identity_table_of
from delembic.audit.skipped import skipped_table_of
from delembic.audit.tables import tables_of
from delembic.database.dialects import kind_of
from delembic.locks.lease_tables import lease_tables_of

Row: TypeAlias = tuple[Any, ...]
Fate: TypeAlias = Literal["kept", "created", "altered", "dropped"]

_SHOWN = 3
"""How many rows of a change are printed."""


@dataclass(frozen=True)
class TableContent:
    """The content of one table.

    Attributes:
        columns: The names of the columns, in order.
        rows: The rows, in no particular order.
    """

    columns: tuple[str, ...]
    rows: list[Row]


Content: TypeAlias = Mapping[str, TableContent]
"""All tables except delembic's own, by name; qualified by the schema if there are several."""


@dataclass(frozen=True)
class Change:
    """The changes in one table.

    Attributes:
        added: The rows that were not there before, sorted by their representation.
        removed: The rows that are no longer there. An updated row is in both lists.
        table: Whether the table itself has changed; ``altered`` means that its columns have.

    Example:
        >>> Change(added=[(1, "A"), (2, "B")])
        Change(added=[(1, 'A'), (2, 'B')], removed=[], table='kept')
    """

    added: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)
    table: Fate = "kept"


def read_content(conn: Connection) -> Content:
    """Read every row of every table, except delembic's own tables.

    On PostgreSQL, these are the tables of all schemas; elsewhere, those of the URL's database.
    """
    own = _names_of_own_tables(conn)
    return {
        f"{schema}.{name}" if schema else name: _read(conn, schema, name)
        for schema, name in _tables(conn)
        if name not in own
    }


def changes(before: Content, after: Content) -> dict[str, Change]:
    """Compare two states of a database.

    Example:
        >>> before = {"term": TableContent(("code",), [("A",)])}
        >>> after = {"term": TableContent(("code",), [("A",), ("B",)])}
        >>> changes(before, after)
        {'term': Change(added=[('B',)], removed=[], table='kept')}
        >>> changes(before, before)
        {}
    """
    found = {name: _change(before.get(name), after.get(name)) for name in sorted({*before, *after})}
    return {name: change for name, change in found.items() if change != Change()}


def described(found: Mapping[str, Change]) -> str:
    """Return changes as lines of text.

    Example:
        >>> described({"term": Change(added=[("B",)], table="created")})
        "term: created; 1 row more: ('B',)"
    """
    return "\n".join(f"{name}: {'; '.join(_facts(change))}" for name, change in found.items())


def _names_of_own_tables(conn: Connection) -> frozenset[str]:
    project, leases = tables_of(conn), lease_tables_of(conn)
    tables = (
        project.version,
        project.history,
        leases.leases,
        leases.renewals,
        identity_table_of(conn),
        checkpoint_table_of(conn),
        skipped_table_of(conn),
    )
    return frozenset(table.name for table in tables)


def _tables(conn: Connection) -> Iterator[tuple[str | None, str]]:
    inspector = inspect(conn)
    for schema in kind_of(conn.dialect.name).schemas(inspector):
        for name in inspector.get_table_names(schema):
            yield schema, name


def _read(conn: Connection, schema: str | None, name: str) -> TableContent:
    result = conn.execute(select(text("*")).select_from(table(name, schema=schema)))
    return TableContent(tuple(result.keys()), [tuple(map(_plain, row)) for row in result])


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _change(before: TableContent | None, after: TableContent | None) -> Change:
    fate: Fate = "kept"
    if before is None:
        fate = "created"
    elif after is None:
        fate = "dropped"
    elif before.columns != after.columns:
        fate = "altered"
    old, new = before.rows if before else [], after.rows if after else []
    return Change(_beyond(old, new), _beyond(new, old), fate)


def _beyond(old: list[Row], new: list[Row]) -> list[Row]:
    """Return the rows of ``new`` that ``old`` does not have, or has less often."""
    if old == new:  # a fast check, which is true of nearly all tables in most tests
        return []
    # Compared by representation, because a row may contain an unhashable value, such as JSON.
    rest = Counter(map(repr, new)) - Counter(map(repr, old))
    rows = {repr(row): row for row in new}
    return [rows[looks] for looks in sorted(rest.elements())]


def _facts(change: Change) -> Iterator[str]:
    if change.table != "kept":
        yield change.table
    for rows, direction in ((change.added, "more"), (change.removed, "fewer")):
        if rows:
            count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
            beyond = f" and {len(rows) - _SHOWN} others" if len(rows) > _SHOWN else ""
            yield f"{count} {direction}: {', '.join(map(str, rows[:_SHOWN]))}{beyond}"
