"""The database of the example: DATABASE_URL, or a SQLite file beside delembic.ini."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

DEFAULT_FILE = Path(__file__).resolve().parents[1] / "vocabulary.db"

# Hosting providers give out URLs without a driver; these are the drivers that the example installs.
DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


# This is PostgreSQL's default. At MySQL's own default, INSERT ... SELECT also locks the rows that
# it only reads, and migrations that run side by side block each other.
MYSQL_OPTIONS: dict[str, Any] = {"isolation_level": "READ COMMITTED"}


def get_engine() -> Engine:
    """Return an engine for the example's database."""
    url = make_url(os.environ.get("DATABASE_URL") or f"sqlite:///{DEFAULT_FILE}")
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    options = MYSQL_OPTIONS if url.get_backend_name() in {"mysql", "mariadb"} else {}
    # hide_parameters: an error then shows the statement, but never the data that was sent with it.
    # NullPool: delembic opens a connection for each migration, so there is nothing to pool.
    engine = create_engine(url, hide_parameters=True, poolclass=NullPool, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", enforce_foreign_keys)
    return engine


def enforce_foreign_keys(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Make SQLite enforce foreign keys, as the other databases do by default."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
