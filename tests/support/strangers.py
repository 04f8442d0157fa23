"""Databases that delembic does not know, for SQLAlchemy's registry of dialects.

They are PostgreSQL under another name, but delembic does nothing specific to PostgreSQL for them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import DBAPIConnection, IsolationLevel
from sqlalchemy.schema import CreateTable


class _StandardDDL(PGDDLCompiler):
    """Rejects IF NOT EXISTS, which SQLAlchemy would write, as SQL Server and Oracle do."""

    def visit_create_table(self, create: CreateTable, **options: Any) -> str:
        assert not create.if_not_exists, "standard SQL has no IF NOT EXISTS"
        written: str = super().visit_create_table(create, **options)  # type: ignore[no-untyped-call]
        return written


class Stranger(PGDialect_psycopg):
    """A database that can do everything that delembic requires."""

    name = "stranger"
    supports_statement_cache = True
    ddl_compiler = _StandardDDL


class Unfit(Stranger):
    """A dialect without autocommit, like those of DuckDB and Firebird."""

    name = "unfit"
    supports_statement_cache = True

    def get_isolation_level_values(self, dbapi_conn: DBAPIConnection) -> tuple[IsolationLevel, ...]:
        return ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED")


def disguised(postgresql_url: str, dialect: type[Stranger]) -> str:
    """Return the URL of a PostgreSQL database that goes by another name."""
    registry.register(dialect.name, dialect.__module__, dialect.__name__)
    url = make_url(postgresql_url).set(drivername=dialect.name)
    return url.render_as_string(hide_password=False)
