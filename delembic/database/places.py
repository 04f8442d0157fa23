"""Where delembic's tables are in a database, and connections whose statements lead there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine

from delembic.config import HISTORY_TABLE, VERSION_TABLE, Config
from delembic.database.connections import autocommitting_apart, connect
from delembic.database.dialects import Name, kind_of

_PLACE = "delembic_place"
_ROOT = "delembic_root"
_TRANSLATION = "schema_translate_map"


@dataclass(frozen=True, slots=True)
class Place:
    """The names of delembic's tables and the schema that they are in.

    Attributes:
        version_table: The name of the table of the marks.
        history_table: The name of the audit log.
        schema: The schema; ``None`` for the one where a new table would go.
    """

    version_table: str = VERSION_TABLE
    history_table: str = HISTORY_TABLE
    schema: str | None = None

    @property
    def prefix(self) -> str:
        """What the names of all other tables begin with."""
        return "delembic" if self.version_table == VERSION_TABLE else self.version_table


def placed(engine: Engine, config: Config, *, is_work: bool = True) -> Engine:
    """Return an engine whose connections know where the project's tables are.

    Args:
        engine: Of the work database or of the audit log's.
        config: Names the tables.
        is_work: Whether it is the work database, for which the schema is meant.
    """
    schema = config.version_table_schema if is_work else None
    place = Place(config.version_table, config.history_table, schema)
    return engine.execution_options(**{_PLACE: place, _ROOT: config.root})


def root_of(conn: Connection) -> Path:
    """Return the folder of the project's ini, or the working folder if there is no project."""
    root: Path | None = conn.get_execution_options().get(_ROOT)
    return root or Path.cwd()


def place_of(conn: Connection | Engine) -> Place:
    """Return where delembic's tables are."""
    place: Place = conn.get_execution_options().get(_PLACE, Place())
    return place


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield an open connection on which statements lead to delembic's tables.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    with connect(engine) as conn:
        yield lead_home(conn)


@contextmanager
def recording(engine: Engine) -> Iterator[Connection]:
    """Yield a connection as `autocommitting_apart` does, with statements that lead home.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses the connection.
        UnfitDatabaseError: The database has no autocommit mode.
    """
    with autocommitting_apart(engine) as conn:
        yield lead_home(conn)


def lead_home(conn: Connection) -> Connection:
    """Let the names of delembic's tables lead to one schema, whatever the session's path is.

    It is the one that the setting names, or else the first in which a new table would be made. Of
    other schemas in the path, none is asked: the tables of somebody else may be there.
    """
    schema = place_of(conn).schema or home_of(conn) or kind_of(conn.dialect.name).home(conn)
    return conn.execution_options(**{_TRANSLATION: {None: schema} if schema else {}})


@contextmanager
def as_before(conn: Connection) -> Iterator[None]:
    """Let names lead where they led before `lead_home`, for statements that are not delembic's."""
    options = conn.get_execution_options()
    own = options.get(_TRANSLATION)
    conn.execution_options(
        **{_TRANSLATION: conn.engine.get_execution_options().get(_TRANSLATION) or {}}
    )
    try:
        yield
    finally:
        conn.execution_options(**{_TRANSLATION: own})


def own_options(schema: str | None) -> dict[str, Any]:
    """Return the execution options of delembic's own statements on the work connection.

    Whatever users' code has set for all statements of that connection is not for these.

    Args:
        schema: Where delembic's tables are; ``None`` if their names alone have to do.
    """
    options: dict[str, Any] = {"stream_results": False, "yield_per": None}
    return options | ({_TRANSLATION: {None: schema}} if schema else {})


def home_of(conn: Connection) -> str | None:
    """Return the schema to which a name without one leads, by `lead_home` or an engine's own map.

    ``None`` if there is no such map.
    """
    schemas = conn.get_execution_options().get(_TRANSLATION) or {}
    return schemas.get(None)


def named(dialect: Dialect, table: str, schema: str | None, *, numbered: bool = False) -> Name:
    """Return the name of a table as it stands in a statement."""
    preparer = dialect.identifier_preparer
    quoted = preparer.quote(table)
    if schema:
        quoted = f"{preparer.quote_schema(schema)}.{quoted}"
    return Name(table, schema, quoted, numbered)
