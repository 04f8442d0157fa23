"""The statements that make delembic's tables and grant the rights to them, for an administrator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Dialect, Index, Table
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from delembic.database.dialects import Name, kind_of
from delembic.database.places import Place, named


def creation(dialect: Dialect, place: Place, tables: Iterable[Table]) -> Iterator[str]:
    """Yield the statements that create tables, as delembic itself would create them.

    Args:
        dialect: The dialect of the database.
        place: Where the tables are to be.
        tables: The tables.
    """
    schemas = {None: place.schema} if place.schema else None
    for table in tables:
        elements: list[ExecutableDDLElement] = [CreateTable(table)]
        elements += [CreateIndex(index) for index in _by_name(table)]
        for element in elements:
            compiled = element.compile(
                dialect=dialect,
                schema_translate_map=schemas,
                render_schema_translate=schemas is not None,
            )
            lines = (line for line in str(compiled).splitlines() if line.strip())
            yield "\n".join(line.replace("\t", "    ").rstrip() for line in lines)


def grants(
    dialect: Dialect, place: Place, tables: Iterable[Table], runner: str, reader: str
) -> Iterator[str]:
    """Yield the statements that grant what a runner and a reader need.

    Args:
        dialect: The dialect of the database.
        place: Where the tables are.
        tables: The tables.
        runner: The role that runs and verifies migrations.
        reader: A role that only reads, as ``delembic history`` does.
    """
    kind = kind_of(dialect.name)
    names = [_name(dialect, place, table) for table in tables]
    yield from kind.grants(names, runner, writes=True)
    yield from kind.grants(names, reader, writes=False)


def _by_name(table: Table) -> list[Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))


def _name(dialect: Dialect, place: Place, table: Table) -> Name:
    numbered = table.autoincrement_column is not None
    return named(dialect, table.name, place.schema, numbered=numbered)
