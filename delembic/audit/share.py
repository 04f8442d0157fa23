"""Which entries of an audit log belong to a work database.

Several work databases may write into one audit log, and their revisions may have the same ids. So
each of them has an id of its own, which is kept beside its marks and written into its entries.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    insert,
    literal,
)
from sqlalchemy.exc import IntegrityError

from delembic.audit import tables
from delembic.database.connections import execute_reconnecting
from delembic.database.opening import Database
from delembic.database.places import place_of, reading

_ONLY_ROW = 1
_NOBODY = "-"
"""Stands for the id of a database that has none. No id is like this."""


@cache
def _identity_table(prefix: str) -> Table:
    """One row with the id of the work database. It exists only if the audit log is elsewhere."""
    return Table(
        f"{prefix}_database",
        MetaData(),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("database_id", String(36), nullable=False),
        **tables.OPTIONS,
    )


def identity_table_of(conn: Connection | Engine) -> Table:
    """Return the table with the id of the work database, for the project of a connection."""
    return _identity_table(place_of(conn).prefix)


@dataclass(frozen=True, slots=True)
class Share:
    """The entries that belong to one work database.

    Attributes:
        database_id: The id of the database; ``None`` if it has none.
        unnamed: Whether the entries without an id belong to it.
    """

    database_id: str | None
    unnamed: bool = True

    @property
    def parameters(self) -> dict[str, str]:
        """The values for `in_share`."""
        own = self.database_id or _NOBODY
        return {"of_database": own, "of_unnamed": own if self.unnamed else ""}

    def holds(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition for the entries of this share."""
        return in_share(column, self.parameters)


def in_share(
    column: ColumnElement[Any], values: Mapping[str, str] | None = None
) -> ColumnElement[bool]:
    """Return the condition for the entries of a share.

    Args:
        column: The column ``database_id``.
        values: The `Share.parameters`; ``None`` if they are given at the execution.
    """
    unnamed, own = (
        literal(values[name]) if values else bindparam(name, type_=String)
        for name in ("of_unnamed", "of_database")
    )
    return func.coalesce(column, unnamed) == own


def claim_share(work: Connection, log: Connection) -> Share:
    """Return the share of a work database, which gets an id if the audit log is elsewhere.

    Args:
        work: An autocommitting connection to the work database.
        log: Any open connection to the database of the audit log; ``work`` if it is the same.
    """
    if log.engine is not work.engine:
        tables.ensure(work, identity_table_of(work))
        if _read_id(work) is None:
            _make_id(work)
    return _share_in(log, _read_id(work), work.engine)


def read_share(database: Database, log: Connection) -> Share:
    """Return the share of a project's work database in its audit log. Writes nothing.

    Args:
        database: The project's engines.
        log: Any open connection to the database of the audit log.
    """
    if not database.is_split:
        return _share_in(log, _read_id(log), database.work)
    with reading(database.work) as work:
        return _share_in(log, _read_id(work), database.work)


def _share_in(log: Connection, database_id: str | None, work: Engine) -> Share:
    if log.engine is work or not tables.is_there(log, tables.tables_of(log).version):
        return Share(database_id)
    # The log is in a work database. Its own entries need no id.
    its_own = _read_id(log) == database_id if database_id else _place(log.engine) == _place(work)
    return Share(database_id, unnamed=its_own)


def _read_id(work: Connection) -> str | None:
    rows = tables.read(work, identity_table_of(work))
    return rows[0].database_id if rows else None


def _make_id(work: Connection) -> None:
    row = {"number": _ONLY_ROW, "database_id": str(uuid.uuid4())}
    try:
        execute_reconnecting(work, insert(identity_table_of(work)), row)
    except IntegrityError:  # another process was faster
        work.rollback()


def _place(engine: Engine) -> tuple[str | int | None, ...]:
    url = engine.url
    return url.get_backend_name(), url.host, url.port, url.database
