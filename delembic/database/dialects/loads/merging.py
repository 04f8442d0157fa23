"""Rows from a temporary table, merged into one that may have some of their keys already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from delembic.database.dialects.loads.cargo import (
    Cargo,
    Hold,
    Landed,
    Merge,
    MisfitError,
    is_misfit,
)
from delembic.database.dialects.loads.sending import send
from delembic.database.driver_errors import message_of

Load: TypeAlias = Callable[[Connection, Hold, Cargo], Landed]


@dataclass(frozen=True, slots=True)
class Way:
    """How a temporary table is made.

    Attributes:
        create: The statement, with ``{name}`` and ``{source}``, a SELECT without a condition.
        drop: How it is dropped, without its name.
        schema: The schema of temporary tables with its dot, if they have one.
    """

    create: str
    drop: str = "DROP TABLE"
    schema: str = ""


def merge_on_conflict(conn: Connection, staged: Hold, hold: Hold, merge: Merge) -> int:
    """Merge by ``ON CONFLICT``, as PostgreSQL and SQLite have it.

    Returns:
        How many rows were inserted or updated.
    """
    statement = f"{_insert(hold)} {_all(staged)} WHERE true {_on_conflict(hold, merge)}"
    rows = send(conn, statement).rowcount
    return _count(conn, staged, merge) if merge.updates else rows


def merge_distinct(conn: Connection, staged: Hold, hold: Hold, merge: Merge) -> int:
    """Merge as `merge_on_conflict`, where no row may be updated twice: the last one counts."""
    key = ", ".join(merge.key)
    source = _all(staged)
    if merge.updates:
        source = source.replace("SELECT", f"SELECT DISTINCT ON ({key})", 1)
        source += f" ORDER BY {key}, ctid DESC"
    return send(conn, f"{_insert(hold)} {source} {_on_conflict(hold, merge)}").rowcount


def merge_on_duplicate_key(conn: Connection, staged: Hold, hold: Hold, merge: Merge) -> int:
    """Merge by ``ON DUPLICATE KEY``, as MySQL and MariaDB have it.

    Their own count of rows depends on the driver's settings.
    """
    insert, source = _insert(hold), _all(staged)
    if merge.updates:
        values = _assign(merge.others(hold) or list(merge.key), "VALUES({})")
        send(conn, f"{insert} {source} ON DUPLICATE KEY UPDATE {values}")
        return _count(conn, staged, merge)
    same = " AND ".join(f"{hold.table}.{key} = {staged.table}.{key}" for key in merge.key)
    new = f" WHERE NOT EXISTS (SELECT 1 FROM {hold.table} WHERE {same})"
    rows = _count(conn, staged, merge, new)
    kept = f"{merge.key[0]} = {hold.table}.{merge.key[0]}"
    send(conn, f"{insert} {source}{new} ON DUPLICATE KEY UPDATE {kept}")
    return rows


def load_merged(
    conn: Connection, hold: Hold, cargo: Cargo, load: Load, merge: Callable[[Hold], int], way: Way
) -> Landed:
    """Load rows into a temporary table, and merge them from there.

    Args:
        conn: In a transaction.
        hold: Where the rows go in the end.
        cargo: The rows.
        load: Loads them.
        merge: Merges them from the temporary table, and returns how many were inserted or updated.
        way: How a temporary table is made.

    Raises:
        MisfitError: The database refuses a row.
    """
    with _temporary(conn, hold, way) as staged:
        landed = load(conn, staged, cargo)
        try:
            rows = merge(staged)
        except DBAPIError as error:
            if error.orig is None or not is_misfit(conn, error.orig):
                raise
            raise MisfitError(message_of(error.orig)) from error
        return Landed(rows, f"{landed.method}, by a temporary table")


@contextmanager
def _temporary(conn: Connection, hold: Hold, way: Way) -> Iterator[Hold]:
    """Yield a temporary table with some columns of another one, without its constraints."""
    name = f"delembic_load_{token_hex(4)}"
    staged = replace(hold, table=f"{way.schema}{name}", name=name, schema=None)
    source = f"SELECT {hold.list} FROM {hold.table}"
    send(conn, way.create.format(name=staged.table, source=source))
    try:
        yield staged
    except BaseException:
        with suppress(DBAPIError):  # the transaction may be lost
            send(conn, f"{way.drop} {staged.table}")
        raise
    send(conn, f"{way.drop} {staged.table}")


def _insert(hold: Hold) -> str:
    return f"INSERT INTO {hold.table} ({hold.list})"


def _all(staged: Hold) -> str:
    return f"SELECT {staged.list} FROM {staged.table}"


def _count(conn: Connection, staged: Hold, merge: Merge, condition: str = "") -> int:
    """Count the keys among the rows."""
    keys = f"SELECT DISTINCT {', '.join(merge.key)} FROM {staged.table}{condition}"
    return int(send(conn, f"SELECT count(*) FROM ({keys}) AS keys_of_load").scalar_one())


def _on_conflict(hold: Hold, merge: Merge) -> str:
    target = f"ON CONFLICT ({', '.join(merge.key)})"
    others = merge.others(hold)
    if not (merge.updates and others):
        return f"{target} DO NOTHING"
    return f"{target} DO UPDATE SET {_assign(others, 'excluded.{}')}"


def _assign(columns: list[str], value: str) -> str:
    return ", ".join(f"{column} = {value.format(column)}" for column in columns)
