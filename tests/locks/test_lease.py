"""A lock that is a row with an expiry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, insert, text
from sqlalchemy.pool import NullPool

from delembic.audit.tables import ensure
from delembic.locks.lease import LeaseLock, database_time
from delembic.locks.lease_tables import lease_tables_of
from support.projects import PATIENCE_SECONDS
from support.servers.backend import Backend

LONG = 1000.0


class Runners:
    """Runners with leases of their own on one database."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._engine = create_engine(url, poolclass=NullPool)
        self._stack = stack

    def connection(self) -> Connection:
        return self._stack.enter_context(self._engine.connect())

    def lease(self, seconds: float = LONG) -> LeaseLock:
        conn = self.connection().execution_options(isolation_level="AUTOCOMMIT")
        lock = LeaseLock(conn, seconds)
        self._stack.callback(lock.close)
        return lock

    def expire(self, revision: str) -> None:
        """Let the time run out at once."""
        self.expire_first(revision)
        self._set_past("delembic_lease_renewal", revision)

    def expire_first(self, revision: str) -> None:
        """Let the time run out that the lease has without a renewal."""
        self._set_past("delembic_lease", revision)

    def set_clock_back(self, revision: str, hours: int = 1) -> None:
        """Let the lease be as if the database's clock had been set back since it was written."""
        for table in ("delembic_lease", "delembic_lease_renewal"):
            self._set(table, revision, timedelta(hours=hours))

    def _set_past(self, table: str, revision: str) -> None:
        self._set(table, revision, -timedelta(hours=1))

    def _set(self, table: str, revision: str, ahead: timedelta) -> None:
        with self._engine.begin() as conn:
            time = database_time(conn) + ahead
            conn.execute(
                text(f"UPDATE {table} SET expires_at = :time WHERE revision = :revision"),
                {"time": time.replace(tzinfo=None), "revision": revision},
            )


@pytest.fixture(params=["postgresql", "mariadb"])
def runners(request: pytest.FixtureRequest) -> Iterator[Runners]:
    with ExitStack() as stack:
        yield Runners(request.getfixturevalue(f"{request.param}_url"), stack)


def test_one_that_has_run_out_can_be_taken_over(runners: Runners) -> None:
    ours, theirs = runners.lease(), runners.lease()
    assert ours.try_acquire("D001")
    assert not theirs.try_acquire("D001")

    runners.expire("D001")

    assert theirs.try_acquire("D001")
    assert theirs.release("D001")
    ours.release("D001")


def test_who_has_lost_it_may_not_commit_and_who_has_it_may(runners: Runners) -> None:
    ours, theirs = runners.lease(), runners.lease()
    ours.try_acquire("D001")
    runners.expire("D001")
    theirs.try_acquire("D001")

    with runners.connection() as work:
        assert not ours.confirm("D001", work)
        work.rollback()
        assert theirs.confirm("D001", work)
        work.commit()

    assert not ours.release("D001")
    assert theirs.release("D001")


def test_nobody_can_take_it_between_the_confirmation_and_the_commit(runners: Runners) -> None:
    ours, theirs = runners.lease(), runners.lease()
    ours.try_acquire("D001")
    runners.expire("D001")
    taking = threading.Thread(target=theirs.try_acquire, args=("D001",))

    with runners.connection() as work:
        assert ours.confirm("D001", work)
        taking.start()
        work.commit()
        # Taken, if at all, after the commit: where the mark is looked for again.
        taking.join(PATIENCE_SECONDS)

    assert not taking.is_alive()


def test_its_holder_renews_it(runners: Runners) -> None:
    ours, theirs = runners.lease(seconds=2), runners.lease()
    ours.try_acquire("D001")
    waited = threading.Event()
    while (first := _renewal(runners)) is None:
        waited.wait(0.05)

    while _renewal(runners) == first:
        waited.wait(0.05)

    runners.expire_first("D001")
    assert not theirs.try_acquire("D001")
    ours.release("D001")


def test_a_lease_of_a_dead_run_does_not_outlast_a_clock_that_was_set_back(
    runners: Runners,
) -> None:
    dead, theirs = runners.lease(), runners.lease()
    dead.try_acquire("D001")

    runners.set_clock_back("D001")

    assert theirs.try_acquire("D001")


def test_a_holder_renews_its_lease_after_the_clock_was_set_back(runners: Runners) -> None:
    ours, theirs = runners.lease(seconds=2), runners.lease()
    ours.try_acquire("D001")
    waited = threading.Event()
    while _renewal(runners) is None:
        waited.wait(0.05)

    runners.set_clock_back("D001")
    set_back = _renewal(runners)
    while _renewal(runners) == set_back:
        waited.wait(0.05)

    assert not theirs.try_acquire("D001")


def test_a_renewal_survives_a_lost_connection(runners: Runners) -> None:
    ours = runners.lease(seconds=2)
    ours.try_acquire("D001")
    with runners.connection() as conn:
        kill = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(kill)
        else:
            sessions = conn.exec_driver_sql(
                "SELECT id FROM information_schema.processlist"
                " WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            ).scalars()
            for session in list(sessions):
                conn.exec_driver_sql(f"KILL {session}")

    assert ours.release("D001")


def test_a_lease_that_an_earlier_version_holds_counts_and_expires(runners: Runners) -> None:
    """An earlier version renews the one row that it has."""
    conn = runners.connection().execution_options(isolation_level="AUTOCOMMIT")
    ensure(conn, lease_tables_of(conn).leases)
    expiry = database_time(conn) + timedelta(hours=1)
    held = insert(lease_tables_of(conn).leases)
    conn.execute(held.values(revision="D001", owner="x", fence=7, expires_at=expiry))
    ours = runners.lease()

    assert not ours.try_acquire("D001")
    runners.expire_first("D001")

    assert ours.try_acquire("D001")
    assert ours.release("D001")


def test_an_older_holder_that_renews_in_vain_stops(runners: Runners) -> None:
    older, newer = runners.lease(seconds=1), runners.lease(seconds=1)
    older.try_acquire("D001")
    runners.expire("D001")
    assert newer.try_acquire("D001")
    waited = threading.Event()

    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        if sum(thread.name == "delembic lease" for thread in threading.enumerate()) == 1:
            break
        waited.wait(0.05)

    assert sum(thread.name == "delembic lease" for thread in threading.enumerate()) == 1
    assert newer.release("D001")
    assert not older.release("D001")


def test_no_thread_is_left_when_the_run_is_over(runners: Runners) -> None:
    ours, theirs = runners.lease(), runners.lease()
    ours.try_acquire("D001")
    ours.try_acquire("D002")

    ours.close()

    assert "delembic lease" not in [thread.name for thread in threading.enumerate()]
    assert theirs.try_acquire("D001")


def test_the_time_is_that_of_the_database(backend: Backend) -> None:
    engine = create_engine(backend.url, poolclass=NullPool)
    with engine.connect() as conn:
        now = database_time(conn)

    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def _renewal(runners: Runners) -> datetime | None:
    with runners.connection() as conn:
        query = text("SELECT expires_at FROM delembic_lease_renewal")
        found: datetime | None = conn.execute(query).scalar_one_or_none()
        return found
