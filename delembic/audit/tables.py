"""The two tables of delembic, as delembic 1.x named them, with the columns added since."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Double,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    TypeDecorator,
    inspect,
    null,
    select,
)
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMTEXT
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.schema import CreateColumn, CreateTable
from sqlalchemy.types import TypeEngine
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from delembic.errors import NewerDatabaseError

Columns = Mapping[str, ColumnElement[Any]]
"""A table's columns by name; ``NULL`` stands for those that a database lacks."""

_Narrow = Callable[[Select[Any], Columns], Select[Any]]


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC, on databases with and without time zones."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Keep microseconds on MySQL, whose plain DATETIME cuts them off; a zone on PostgreSQL.

        Any other database gets a column without a zone: what is stored there is a bare time, and
        a column with one would take it for a time in the session's own zone.
        """
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; where the column has no zone, the bare UTC time."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time; a stored one without a zone is in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


# For every table of delembic.
# Revisions differ in case and accents, whatever the server's collation thinks.
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}
_LONG_TEXT = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")

_METADATA = MetaData()

version_table = Table(
    "delembic_version",
    _METADATA,
    Column("revision", String(255), primary_key=True),
    Column("applied_at", UtcDateTime),
    Column("status", String(50), nullable=False),
    Column("execution_time_seconds", Double),
    Column("run_id", String(36)),
    Column("checksum", String(64)),
    **OPTIONS,
)
"""One row for each revision that took effect (``success``) or failed at its last attempt."""

history_table = Table(
    "delembic_run_history",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("revision", String(255), nullable=False, index=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("duration_seconds", Double),
    Column("status", String(50), nullable=False),
    Column("exception", _LONG_TEXT),
    Column("username", String(255)),
    Column("hostname", String(255)),
    Column("run_id", String(36), unique=True, index=True),
    Column("attempt", Integer),
    Column("description", Text),
    Column("checksum", String(64)),
    Column("rows_affected", Integer),
    Column("executor", String(50)),
    Column("executor_run_id", String(255)),
    Column("pid", Integer),
    Column("tool_version", String(50)),
    Column("recovered", Boolean),
    Column("operation", String(50)),
    **OPTIONS,
)
"""One row for each attempt and each verification, never removed."""


@retry(
    retry=retry_if_exception_type(DBAPIError),
    stop=stop_after_attempt(5),
    wait=wait_random(0.05, 0.5),
    reraise=True,
)
def ensure(conn: Connection, table: Table) -> None:
    """Create a table, or add to one of delembic 1.x what it lacks; existing rows stay as they are.

    Safe when several processes do it at once: whoever loses the race meets an error of the
    database, looks again, and goes on with what is left to do.

    Args:
        conn: In autocommit mode, so that each step is committed by itself.
        table: Which one.

    Raises:
        NewerDatabaseError: It has columns that this version does not know.
    """
    columns_now, indexes_now = partial(_columns, conn, table), partial(_indexes, conn, table)
    present = columns_now()
    if not present:
        # Without IF NOT EXISTS, which is not for every database.
        _make(partial(conn.execute, CreateTable(table)), columns_now, table.columns.keys()[0])
    else:
        _take_over(conn, table, present)
    indexes = indexes_now()
    for index in table.indexes:
        if index.name not in indexes:
            _make(partial(index.create, conn), indexes_now, index.name)


def read(
    conn: Connection, table: Table, narrow: _Narrow = lambda query, columns: query
) -> list[Row[Any]]:
    """Return the rows of a table, whatever the database has of it, and write nothing.

    Args:
        conn: Any open connection.
        table: `version_table` or `history_table`.
        narrow: Adds conditions and an order to the query. It is given the columns, as one that the
            database lacks must not be named.

    Returns:
        Rows with all of the table's columns, ``None`` in those that the database lacks; no rows
        when there is no such table.
    """
    present = _columns(conn, table)
    if not present:
        return []
    columns = {c.name: c if c.name in present else null().label(c.name) for c in table.columns}
    query = select(*columns.values()).select_from(table)
    return list(conn.execute(narrow(query, columns)))


def _columns(conn: Connection, table: Table) -> dict[str, TypeEngine[Any]]:
    """Return the columns that the database has of a table, with their types; none without it."""
    try:
        present = {c["name"]: c["type"] for c in inspect(conn).get_columns(table.name)}
    except NoSuchTableError:
        return {}
    if unknown := sorted(present.keys() - table.columns.keys()):
        raise NewerDatabaseError(table.name, unknown)
    return present


def _indexes(conn: Connection, table: Table) -> set[str | None]:
    return {index["name"] for index in inspect(conn).get_indexes(table.name)}


def _make(
    make: Callable[[], object], names_now: Callable[[], Container[str | None]], name: str | None
) -> None:
    """Make one thing, unless another process is faster; of two that race, one may be so each time.

    Raises:
        DBAPIError: It was not made, and is not there.
    """
    try:
        make()
    except DBAPIError:
        if name not in names_now():
            raise


def _take_over(conn: Connection, table: Table, present: dict[str, TypeEngine[Any]]) -> None:
    """Make a table of delembic 1.x what it would be if it were made today."""
    quoted = conn.dialect.identifier_preparer.format_table(table)
    for column in table.columns:
        if column.name not in present:
            definition = CreateColumn(column).compile(dialect=conn.dialect)
            statement = f"ALTER TABLE {quoted} ADD COLUMN {definition}"
            _make(
                partial(conn.exec_driver_sql, statement),
                partial(_columns, conn, table),
                column.name,
            )
        elif conn.dialect.name == "postgresql" and _lacks_zone(column, present[column.name]):
            # What was stored is UTC. Without a zone, the session's would decide what is to come.
            conn.exec_driver_sql(
                f"ALTER TABLE {quoted} ALTER COLUMN {column.name} TYPE TIMESTAMP WITH TIME ZONE"
                f" USING {column.name} AT TIME ZONE 'UTC'"
            )


def _lacks_zone(column: Column[Any], present: TypeEngine[Any]) -> bool:
    return isinstance(column.type, UtcDateTime) and not getattr(present, "timezone", True)
