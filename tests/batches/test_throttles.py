"""What makes a migration wait, read from real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from delembic import BlockedSessions, Pause, ReplicationLag
from delembic.errors import UnreadableSignalError
from support.shell import wait_until


@pytest.fixture(params=["postgresql", "mariadb"])
def conn(request: pytest.FixtureRequest) -> Iterator[Connection]:
    url = request.getfixturevalue(f"{request.param}_url")
    with create_engine(url, poolclass=NullPool).connect() as conn:
        yield conn.execution_options(isolation_level="AUTOCOMMIT")


def test_sessions_that_wait_for_a_lock_are_a_reason(conn: Connection) -> None:
    conn.exec_driver_sql("CREATE TABLE locked (x INTEGER)")
    conn.exec_driver_sql("INSERT INTO locked VALUES (1)")
    signal = BlockedSessions()
    assert signal(conn) is None

    with conn.engine.connect() as holder, _waiting_for(holder):
        wait_until(lambda: _asked_seldom(signal, conn) is not None)
        assert signal(conn) == "1 session waits for a lock"
        assert BlockedSessions(allowed=1)(conn) is None


def test_without_a_replica_there_is_no_lag(postgresql_url: str) -> None:
    with create_engine(postgresql_url, poolclass=NullPool).connect() as conn:
        assert ReplicationLag(seconds=1)(conn) is None


def test_what_cannot_be_read_does_not_count_as_well(sqlite_url: str) -> None:
    with create_engine(sqlite_url).connect() as conn:
        for signal in (ReplicationLag(), BlockedSessions()):
            with pytest.raises(UnreadableSignalError, match="cannot be read"):
                signal(conn)


def test_a_pause_is_no_reason(sqlite_url: str) -> None:
    with create_engine(sqlite_url).connect() as conn:
        assert Pause(seconds=0)(conn) is None


def _asked_seldom(signal: BlockedSessions, conn: Connection) -> str | None:
    # InnoDB tells the same again if it is asked again within a tenth of a second.
    threading.Event().wait(0.2)
    return signal(conn)


class _waiting_for:  # noqa: N801 - reads as a block
    """A session that waits for what another one holds."""

    def __init__(self, holder: Connection) -> None:
        self._holder = holder

    def __enter__(self) -> None:
        self._holder.exec_driver_sql("UPDATE locked SET x = 2")
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._holder.rollback()
        self._thread.join()

    def _wait(self) -> None:
        with self._holder.engine.begin() as conn:
            conn.exec_driver_sql("UPDATE locked SET x = 3")
