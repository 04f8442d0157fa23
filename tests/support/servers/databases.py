"""The short-lived databases of one server."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError


@dataclass(frozen=True)
class Databases:
    """Creates and drops databases through an account with that permission.

    Attributes:
        server: The URL of an existing database, with that account.
    """

    server: URL

    @contextmanager
    def fresh(self) -> Iterator[URL]:
        """An empty database, which is dropped when the context ends."""
        url = self.server.set(database=f"delembic_test_{secrets.token_hex(6)}")
        with self.connection() as connection:
            _create(connection, url)
        try:
            yield url
        finally:
            with self.connection() as connection:
                _drop(connection, url)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A new connection to the server; never a pooled one, since tests restart servers."""
        engine = create_engine(self.server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            yield connection


def _create(connection: Connection, url: URL) -> None:
    options = "" if _is_postgresql(url) else " CHARACTER SET utf8mb4"
    connection.execute(text(f"CREATE DATABASE {url.database}{options}"))


def _drop(connection: Connection, url: URL) -> None:
    """Drop the database even if a forgotten connection of a test still uses it."""
    if _is_postgresql(url):
        connection.execute(text(f"DROP DATABASE IF EXISTS {url.database} WITH (FORCE)"))
        return
    _disconnect_everyone(connection, url)
    connection.execute(text(f"DROP DATABASE IF EXISTS {url.database}"))


def _disconnect_everyone(connection: Connection, url: URL) -> None:
    # MariaDB has no WITH (FORCE): its DROP would wait for every open transaction.
    users = text("SELECT id FROM information_schema.processlist WHERE db = :database")
    for (session,) in connection.execute(users, {"database": url.database}).all():
        with suppress(OperationalError):  # the connection has closed meanwhile
            connection.execute(text(f"KILL {session:d}"))


def _is_postgresql(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"
