"""From a configuration to engines: the one place where databases are opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Engine,
    Executable,
    create_engine,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool, StaticPool

from delembic.config import Config
from delembic.errors import (
    ConfigurationError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    DependencyNotInstalledError,
    SettingError,
    shown,
)
from delembic.user_code import import_source, user_code

_PACKAGES = {
    "psycopg": ("psycopg", "postgresql"),
    "psycopg2": ("psycopg2-binary", None),
    "pymysql": ("pymysql", "mysql"),
    "MySQLdb": ("mysqlclient", None),
    "oracledb": ("oracledb", None),
    "pyodbc": ("pyodbc", None),
}
_SECRET_WORDS = ("pass", "pwd", "secret", "token", "key")


@dataclass(frozen=True, slots=True)
class Database:
    """The two ends that a run works with.

    Attributes:
        work: Where the data and ``delembic_version`` are.
        metadata: Where the audit log is; the very same engine unless ``metadata_url`` is set.
    """

    work: Engine
    metadata: Engine

    @property
    def is_split(self) -> bool:
        """Whether the audit log is kept in another database than the data."""
        return self.metadata is not self.work


@contextmanager
def open_database(config: Config) -> Iterator[Database]:
    """Make the engines of a project, and dispose of those made here at the end.

    An engine from ``env.py`` belongs to the user and is left open. Nothing is connected to yet.

    Raises:
        ConfigurationError: There is no usable URL, driver or ``get_engine``.
        DatabaseFailedError: A statement of delembic's own failed in the block.
    """
    url = config.url
    work = _engine_of(config, "sqlalchemy.url", url) if url else _engine_from_env(config)
    metadata_url = config.metadata_url
    metadata = _engine_of(config, "metadata_url", metadata_url) if metadata_url else work
    try:
        yield Database(work, metadata)
    except DBAPIError as error:
        raise DatabaseFailedError(driver_text(error)) from error
    finally:
        if metadata_url:
            metadata.dispose()
        if url:
            work.dispose()


def connect(engine: Engine) -> Connection:
    """Return an open connection, owned by the caller.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses us.
    """
    try:
        return engine.connect()
    except DBAPIError as error:
        raise DatabaseUnavailableError(masked(engine.url), driver_text(error)) from error


def driver_text(error: DBAPIError) -> str:
    """Return what the driver said, without the statement."""
    return str(error.orig).strip() or type(error.orig).__name__


@contextmanager
def autocommitting(engine: Engine) -> Iterator[Connection]:
    """Give an open connection on which every statement is committed by itself.

    Raises:
        DatabaseUnavailableError: The server does not answer or refuses us.
    """
    with connect(engine) as conn:
        yield _autocommit(conn)


def execute_reconnecting(conn: Connection, statement: Executable) -> CursorResult[Any]:
    """Execute a statement, once more on a new connection if the server had dropped this one.

    Args:
        conn: In autocommit mode, so nothing but the statement itself can have been lost.
        statement: One that does no harm when its first try did reach the server.

    Raises:
        DBAPIError: It failed for another reason, or again.
    """
    try:
        return conn.execute(statement)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        conn.rollback()
        # The new connection of the driver knows nothing of what was asked of the old one.
        return _autocommit(conn).execute(statement)


def _autocommit(conn: Connection) -> Connection:
    return conn.execution_options(isolation_level="AUTOCOMMIT")


def masked(url: URL) -> str:
    """Return a URL as text without its secrets, those in its query string included.

    Example:
        >>> masked(make_url("postgresql://ann:secret@db/x?sslpassword=secret&sslmode=require"))
        'postgresql://ann:***@db/x?sslmode=require&sslpassword=***'
    """
    query = {
        key: "***" if any(word in key.lower() for word in _SECRET_WORDS) else value
        for key, value in url.query.items()
    }
    return url.set(query=query).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def is_memory(engine: Engine) -> bool:
    """Whether the engine is a SQLite database without a file."""
    return engine.dialect.name == "sqlite" and sqlite_file(engine.url) is None


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite URL, or ``None`` for a database in memory or a ``file:`` URI."""
    database = url.database
    if not database or database == ":memory:" or database.startswith("file:"):
        return None
    return Path(database)


def _engine_of(config: Config, key: str, text: str) -> Engine:
    url = _parse(config, key, text, config.root)
    # Each migration gets a connection of its own that is closed afterwards, so no session state
    # (a role, a search path, a temporary table) leaks from one to the next.
    options: dict[str, Any] = {"poolclass": NullPool}
    if url.get_backend_name() == "sqlite":
        options = _sqlite_options(url, config.lock_timeout_seconds)
    try:
        return create_engine(url, hide_parameters=config.hide_parameters, **options)
    except NoSuchModuleError as error:
        raise config.error(
            key,
            f"SQLAlchemy knows no database {url.drivername!r}.",
            "PostgreSQL is postgresql+psycopg://, MySQL and MariaDB mysql+pymysql://, SQLite"
            " sqlite:///; others need their dialect's package.",
        ) from error
    except ModuleNotFoundError as error:
        package, extra = _PACKAGES.get(error.name or "", (error.name or "?", None))
        raise DependencyNotInstalledError(f"{url.drivername}://", package, extra) from error


def _sqlite_options(url: URL, patience_seconds: float) -> dict[str, Any]:
    if sqlite_file(url) is None:
        # The database is its connection: there is one, and whoever connects gets that.
        return {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    # How long to wait for another program that is writing to the file.
    return {"poolclass": NullPool, "connect_args": {"timeout": patience_seconds}}


def _parse(config: Config, key: str, text: str, root: Path) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise _unparsable(config, key) from error
    except ValueError as error:  # a port that is no number
        raise _unparsable(config, key) from error
    if url.get_backend_name() == "sqlite" and (file := sqlite_file(url)):
        return url.set(database=str(root / file))
    return url


def _unparsable(config: Config, key: str) -> SettingError:
    # The text itself is not shown: it may hold a password.
    return config.error(
        key,
        "is not a database URL.",
        "Write it as DIALECT+DRIVER://USER:PASSWORD@HOST:PORT/DATABASE, with special characters"
        " in the password percent-encoded.",
    )


def _engine_from_env(config: Config) -> Engine:
    file = config.env_file
    if not file.is_file():
        raise config.error(
            "sqlalchemy.url", "is not set.", f"Set it, or define get_engine() in {shown(file)}."
        )
    with user_code(
        lambda reason: ConfigurationError(f"{shown(file)} cannot be imported: {reason}")
    ):
        module = import_source(file, config.root, file.read_bytes())
    get_engine = getattr(module, "get_engine", None)
    if get_engine is None:
        raise config.error(
            "sqlalchemy.url",
            f"is not set, and {shown(file)} has no get_engine().",
            "Set it, or define get_engine().",
        )
    with user_code(
        lambda reason: ConfigurationError(f"get_engine() in {shown(file)} failed: {reason}")
    ):
        engine = get_engine()
    if not isinstance(engine, Engine):
        raise ConfigurationError(
            f"get_engine() in {shown(file)} returned {type(engine).__name__}, not an Engine.",
            "Return what sqlalchemy.create_engine(…) gives.",
        )
    engine.hide_parameters = config.hide_parameters
    return engine
