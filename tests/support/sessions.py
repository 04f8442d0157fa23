"""The sessions of a test's database, listed and ended as an administrator would."""

from __future__ import annotations

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

_POSTGRESQL = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
"""
_MARIADB = """
    SELECT id FROM information_schema.processlist
    WHERE db = DATABASE() AND id <> CONNECTION_ID()
"""


def end_all_sessions(url: str) -> int:
    """End every session on the database but our own, and return how many there were."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        return end_other_sessions(conn)


def end_other_sessions(conn: Connection) -> int:
    """End every session on the database but that of the connection; return how many there were."""
    sessions = _sessions(conn)
    for session in sessions:
        conn.exec_driver_sql(_end(conn, session))
    return len(sessions)


def _sessions(conn: Connection) -> list[int]:
    query = _POSTGRESQL if conn.dialect.name == "postgresql" else _MARIADB
    return list(conn.exec_driver_sql(query).scalars())


def _end(conn: Connection, session: int) -> str:
    if conn.dialect.name == "postgresql":
        # With a timeout, it returns when the session has ended.
        return f"SELECT pg_terminate_backend({session}, 5000)"
    return f"KILL {session}"
