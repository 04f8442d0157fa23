"""Commands about delembic's own tables, for whoever administrates the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, Table

from delembic.audit.checkpoint_table import checkpoint_table_of
from delembic.audit.ddl import creation, grants
from delembic.audit.share import identity_table_of
from delembic.audit.skipped import skipped_table_of
from delembic.audit.tables import is_there, tables_of
from delembic.config import Config
from delembic.database.opening import Database, open_database
from delembic.database.places import place_of, reading
from delembic.locks.lease_tables import lease_tables_of

RUNNER, READER = "delembic_runner", "delembic_reader"
"""The roles to which rights are granted, unless others are named."""


@dataclass(frozen=True, slots=True)
class OwnTable:
    """One of delembic's tables.

    Attributes:
        name: Its name.
        exists: Whether the database has it.
    """

    name: str
    exists: bool


def tables(config: Config) -> list[OwnTable]:
    """Return delembic's tables that a project needs, and whether they exist. Writes nothing.

    Raises:
        ConfigurationError: The database cannot be read.
    """
    with open_database(config) as database:
        found = []
        for engine, needed in _needed(config, database):
            with reading(engine) as conn:
                found += [OwnTable(table.name, is_there(conn, table)) for table in needed]
        return found


def tables_sql(config: Config, runner: str = RUNNER, reader: str = READER) -> str:
    """Return the statements that make delembic's tables and grant the rights to them.

    No connection is made. So the tables are in the schema that ``version_table_schema`` names, or
    else in the one where the administrator's session makes new tables.

    Args:
        config: The project.
        runner: The role that runs and verifies migrations, as it stands in a statement.
        reader: A role that only reads, as ``delembic history`` does.

    Raises:
        ConfigurationError: There is no usable URL, driver or ``get_engine``.
    """
    with open_database(config) as database:
        parts = []
        for engine, needed in _needed(config, database):
            dialect, place = engine.dialect, place_of(engine)
            title = "audit log" if engine is not database.work else "work database"
            made = creation(dialect, place, needed)
            granted = grants(dialect, place, needed, runner, reader)
            statements = [f"{statement};" for statement in (*made, *granted)]
            parts.append("\n\n".join([f"-- The {title} ({dialect.name})", *statements]))
        return "\n\n".join(parts)


def _needed(config: Config, database: Database) -> Iterator[tuple[Engine, list[Table]]]:
    """Yield the tables that each database of a project needs."""
    own = tables_of(database.work)
    in_work = [own.version]
    if not database.is_split:
        in_work.append(own.history)
    else:
        in_work.append(identity_table_of(database.work))
    in_work += [checkpoint_table_of(database.work), skipped_table_of(database.work)]
    if config.lock == "lease":
        leases = lease_tables_of(database.work)
        in_work += [leases.leases, leases.renewals]
    yield database.work, in_work
    if database.is_split:
        yield database.metadata, [tables_of(database.metadata).history]
