"""A second connection: it sees what is committed, and ends sessions as a server does."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, Row, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from support.torture.sizes import PATIENCE_SECONDS

Rows = dict[int, int]
"""The rows of one attempt: how often each, by its token, was updated."""


class Observer:
    """Looks at a database from outside of any migration.

    Args:
        url: The database's.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._conn: Connection = self._engine.connect()
        self.kind = self._engine.dialect.name
        self.elsewhere = "elsewhere"
        if self.kind == "mysql":
            self.elsewhere = f"{self._engine.url.database}_elsewhere"

    def close(self) -> None:
        self._conn.close()

    @property
    def home(self) -> str:
        """The qualifier that leads to the project's own tables, wherever the session is."""
        names = {"sqlite": "main", "postgresql": "public"}
        return f"{names.get(self.kind, self._engine.url.database)}."

    def value(self, query: str) -> Any:
        return self._conn.exec_driver_sql(query).scalar()

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self._conn.exec_driver_sql(statement)

    def records(self) -> list[Row[Any]]:
        """The rows of the log, oldest first."""
        query = f"SELECT * FROM {self.home}delembic_run_history ORDER BY id"
        return list(self._conn.exec_driver_sql(query))

    def mark(self) -> Row[Any] | None:
        """The mark of the one migration."""
        return self._conn.exec_driver_sql(f"SELECT * FROM {self.home}delembic_version").first()

    def rows(self, attempt: int) -> Rows:
        """The committed rows of an attempt."""
        query = f"SELECT token, n FROM {self.home}effect WHERE attempt = {attempt}"
        return {row.token: row.n for row in self._conn.exec_driver_sql(query)}

    def plain(self, attempt: int) -> int:
        """How many rows an attempt has in the table without transactions."""
        if self.kind != "mysql":
            return 0
        return int(self.value(f"SELECT count(*) FROM {self.home}plain WHERE attempt = {attempt}"))

    def end_session(self, conn: Connection) -> None:
        """End a session, as an operator or a restart of the server does."""
        self._end(_session_of(conn.connection.driver_connection))

    def end_others(self, conn: Connection) -> None:
        """End all sessions of the database except a migration's, so also the one with the lock."""
        own = _session_of(conn.connection.driver_connection)
        for session in self._sessions():
            if session != own:
                self._end(session)

    def cut_driver(self, driver: Any) -> None:
        """Lose the connection as by a broken network; SQLite has none, so its file is closed."""
        if self.kind == "sqlite":
            driver.rollback()
            driver.close()
        elif self.kind == "mysql":
            with suppress(OSError):
                driver._sock.shutdown(socket.SHUT_RDWR)
        else:
            with socket.socket(fileno=os.dup(driver.pgconn.socket)) as wire:
                wire.shutdown(socket.SHUT_RDWR)
        self._await(lambda: self.kind == "sqlite" or _session_of(driver) not in self._sessions())

    def deadlock(self, conn: Connection) -> None:
        """Bring a migration into a deadlock, in which it has done less than its rival."""
        conn.exec_driver_sql(f"UPDATE {self.home}stock SET n = n + 1 WHERE id = 1")
        with self._engine.connect().execution_options(isolation_level="READ COMMITTED") as rival:
            rival.exec_driver_sql(f"UPDATE {self.home}rival SET n = n + 1")
            thread = threading.Thread(target=self._be_rival, args=(rival,))
            thread.start()
            try:
                conn.exec_driver_sql(f"UPDATE {self.home}rival SET n = n + 1 WHERE id = 1")
            finally:
                thread.join(PATIENCE_SECONDS)

    def _be_rival(self, rival: Connection) -> None:
        with suppress(DBAPIError):
            rival.exec_driver_sql("SET innodb_lock_wait_timeout = 1")
            rival.exec_driver_sql(f"UPDATE {self.home}stock SET n = n + 1 WHERE id = 1")
        rival.rollback()

    def _sessions(self) -> list[int]:
        if self.kind == "postgresql":
            query = (
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        else:
            query = (
                "SELECT id FROM information_schema.processlist"
                " WHERE db LIKE CONCAT(DATABASE(), '%%') AND id <> CONNECTION_ID()"
            )
        return list(self._conn.exec_driver_sql(query).scalars())

    def _end(self, session: int) -> None:
        if self.kind == "postgresql":
            self.value(f"SELECT pg_terminate_backend({session}, 5000)")
            return
        with suppress(DBAPIError):  # it has ended meanwhile
            self.execute(f"KILL {session}")
        self._await(lambda: session not in self._sessions())

    def _await(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.001)


def _session_of(driver: Any) -> int:
    number = driver.info.backend_pid if hasattr(driver, "info") else driver.thread_id()
    return int(number)
