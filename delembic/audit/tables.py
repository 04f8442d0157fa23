"""The two tables of delembic, with their names from delembic 1.x and the columns added since."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    inspect,
    null,
    select,
)
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.schema import CreateColumn, CreateTable
from sqlalchemy.types import TypeEngine
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from delembic.config import HISTORY_TABLE, VERSION_TABLE
from delembic.database.columns import JsonText, LongText, UtcDateTime
from delembic.database.connections import driver_text
from delembic.database.dialects import Name, kind_of, known_kinds
from delembic.database.failures import lacks_right
from delembic.database.places import home_of, named, place_of
from delembic.errors import HiddenRowsError, NewerDatabaseError, TableNotMadeError, UnfitTableError

Columns = Mapping[str, ColumnElement[Any]]
"""A table's columns by name, with ``NULL`` for those that the database lacks."""

_Narrow = Callable[[Select[Any], Columns], Select[Any]]


OPTIONS: dict[str, Any] = {
    f"{name}_{option}": value
    for name, kind in known_kinds().items()
    for option, value in kind.table_options.items()
}
"""The table options of every table of delembic."""

NAMES = frozenset(
    {
        "delembic_version",
        "delembic_run_history",
        "delembic_checkpoint",
        "delembic_skipped",
        "delembic_database",
        "delembic_lease",
        "delembic_lease_renewal",
    }
)
"""The names of all tables that delembic keeps, whichever module they are in."""


def _version_table(name: str) -> Table:
    """One row for each revision that took effect (``success``) or failed at its last attempt."""
    return Table(
        name,
        MetaData(),
        Column("revision", String(255), primary_key=True),
        Column("applied_at", UtcDateTime),
        Column("status", String(50), nullable=False),
        Column("execution_time_seconds", Double),
        Column("run_id", String(36)),
        Column("checksum", String(64)),
        **OPTIONS,
    )


def _history_table(name: str) -> Table:
    """One row for each attempt and each verification, never removed."""
    return Table(
        name,
        MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("revision", String(255), nullable=False, index=True),
        Column("started_at", UtcDateTime, nullable=False),
        Column("ended_at", UtcDateTime),
        Column("duration_seconds", Double),
        Column("status", String(50), nullable=False),
        Column("exception", LongText),
        Column("username", String(255)),
        Column("hostname", String(255)),
        Column("run_id", String(36), unique=True, index=True),
        Column("attempt", Integer),
        Column("description", Text),
        Column("checksum", String(64)),
        Column("rows_affected", BigInteger),
        Column("executor", String(50)),
        Column("executor_run_id", String(255)),
        Column("pid", Integer),
        Column("tool_version", String(50)),
        Column("recovered", Boolean),
        Column("operation", String(50)),
        Column("database_id", String(36)),
        Column("metadata", JsonText),
        **OPTIONS,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The two tables of a project.

    Attributes:
        version: What has taken effect.
        history: The audit log.
    """

    version: Table
    history: Table


@cache
def tables_at(version_name: str, history_name: str) -> Tables:
    """Return the tables with some names; always the same ones for the same names."""
    return Tables(_version_table(version_name), _history_table(history_name))


def tables_of(conn: Connection | Engine) -> Tables:
    """Return the tables of the project that a connection or an engine belongs to."""
    place = place_of(conn)
    return tables_at(place.version_table, place.history_table)


version_table, history_table = _version_table(VERSION_TABLE), _history_table(HISTORY_TABLE)
"""The tables with their usual names."""


@retry(
    retry=retry_if_exception_type(DBAPIError),
    stop=stop_after_attempt(5),
    wait=wait_random(0.05, 0.5),
    reraise=True,
)
def ensure(conn: Connection, table: Table) -> None:
    """Create a table, or upgrade one of delembic 1.x. Existing rows stay as they are.

    Several processes can do this at the same time. A process that loses the race gets an error of
    the database, looks again, and does what is left.

    Args:
        conn: An autocommitting connection, so that each step is committed separately.
        table: The table to create or upgrade.

    Raises:
        NewerDatabaseError: The table has columns that this version does not know.
        UnfitTableError: The table is not reliable, and its conversion was refused.
        HiddenRowsError: The database hides rows of the table from this role.
        TableNotMadeError: The role may not make the table.
    """
    columns_now, indexes_now = partial(_columns, conn, table), partial(_indexes, conn, table)
    present = columns_now()
    if not present:
        # IF NOT EXISTS does not work on every database.
        try:
            _make(partial(conn.execute, CreateTable(table)), columns_now, table.columns.keys()[0])
        except DBAPIError as error:
            if lacks_right(error):
                raise TableNotMadeError(table.name, driver_text(error)) from error
            raise
    else:
        _refuse_hidden_rows(conn, table)
        _take_over(conn, table, present)
    _repair(conn, table)
    indexes = indexes_now()
    for index in table.indexes:
        if index.name not in indexes:
            _make(partial(index.create, conn), indexes_now, index.name)


def read(
    conn: Connection, table: Table, narrow: _Narrow = lambda query, columns: query
) -> list[Row[Any]]:
    """Return the rows of a table, even if it is missing or incomplete, and write nothing.

    Args:
        conn: Any open connection that leads to delembic's tables.
        table: One of `tables_of` the connection.
        narrow: Adds conditions and an order to the query. It gets the columns, because a column
            that the database lacks must not be named.

    Returns:
        Rows with all of the table's columns, with ``None`` in those that the database lacks. There
        are no rows if the table is missing.

    Raises:
        HiddenRowsError: The database hides rows of the table from this role.
    """
    present = _columns(conn, table)
    if not present:
        return []
    _refuse_hidden_rows(conn, table)
    columns = {c.name: c if c.name in present else null().label(c.name) for c in table.columns}
    query = select(*columns.values()).select_from(table)
    return list(conn.execute(narrow(query, columns)))


def name_of(conn: Connection, table: Table, schema: str | None = None) -> Name:
    """Return the name of a table, in a schema or else in the one to which a connection leads."""
    return named(conn.dialect, table.name, schema or home_of(conn))


def is_there(conn: Connection, table: Table) -> bool:
    """Whether a database has a table, in the schema where delembic would make it."""
    return bool(_columns(conn, table))


def _columns(conn: Connection, table: Table) -> dict[str, TypeEngine[Any]]:
    """Return a table's columns in the database, with their types; none if it is missing."""
    try:
        columns = inspect(conn).get_columns(table.name, schema=home_of(conn))
    except NoSuchTableError:
        return {}
    except DBAPIError as error:
        # MySQL does not tell a role without rights whether a table is missing.
        if lacks_right(error) and table.name not in inspect(conn).get_table_names(home_of(conn)):
            return {}
        raise
    present = {c["name"]: c["type"] for c in columns}
    if unknown := sorted(present.keys() - table.columns.keys()):
        raise NewerDatabaseError(table.name, unknown)
    return present


def _indexes(conn: Connection, table: Table) -> set[str | None]:
    return {index["name"] for index in inspect(conn).get_indexes(table.name, schema=home_of(conn))}


def _make(
    make: Callable[[], object], names_now: Callable[[], Container[str | None]], name: str | None
) -> None:
    """Create one thing, unless another process has created it first.

    Raises:
        DBAPIError: It could not be created, and nobody else has created it.
    """
    try:
        make()
    except DBAPIError:
        if name not in names_now():
            raise


def _refuse_hidden_rows(conn: Connection, table: Table) -> None:
    if kind_of(conn.dialect.name).hides_rows(conn, name_of(conn, table)):
        raise HiddenRowsError(table.name)


def _repair(conn: Connection, table: Table) -> None:
    """Make a table reliable that delembic did not make."""
    kind = kind_of(conn.dialect.name)
    key = "revision" if "revision" in table.columns else table.columns.keys()[0]

    def needed() -> list[str]:
        return kind.repairs(conn, name_of(conn, table), key)

    for statement in needed():
        refusal = None
        try:
            conn.exec_driver_sql(statement)
        except DBAPIError as error:
            refusal = error
        if statement in needed():  # no other process has done it either
            reason = driver_text(refusal) if refusal else "it had no effect."
            raise UnfitTableError(table.name, statement, reason) from refusal


def _take_over(conn: Connection, table: Table, present: dict[str, TypeEngine[Any]]) -> None:
    """Upgrade a table of delembic 1.x to its current definition."""
    quoted = name_of(conn, table).quoted
    kind = kind_of(conn.dialect.name)
    for column in table.columns:
        if column.name not in present:
            definition = CreateColumn(column).compile(dialect=conn.dialect)
            statement = f"ALTER TABLE {quoted} ADD COLUMN {definition}"
            _make(
                partial(conn.exec_driver_sql, statement),
                partial(_columns, conn, table),
                column.name,
            )
        elif conversion := kind.conversion(column, quoted, present[column.name]):
            conn.exec_driver_sql(conversion)
