"""One lock for each kind of database, held to the same promise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool, StaticPool

from delembic.config import LockKind
from delembic.database.places import lead_home
from delembic.errors import ConfigurationError
from delembic.locks.choice import make_lock
from delembic.locks.file import DatabaseFileLock
from delembic.locks.lease import LeaseLock
from delembic.locks.lock import Lock, NoLock, acquire, release
from delembic.locks.session import SessionLock
from support.servers.backend import Backend
from support.servers.databases import Databases

Connect = Callable[[str], Connection]

BEST = {"sqlite": "file", "postgresql": "advisory", "mysql": "advisory"}
OWN_SESSION = {"postgresql": "pg_backend_pid()", "mariadb": "connection_id()"}
KILL = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}"}


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens autocommitting connections that are closed at the end."""
    with ExitStack() as stack:

        def open_one(url: str) -> Connection:
            engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            return lead_home(stack.enter_context(engine.connect()))

        yield open_one


@pytest.fixture(params=["auto", "lease"])
def locks(request: pytest.FixtureRequest, backend: Backend, connect: Connect) -> tuple[Lock, Lock]:
    """The locks of two runners."""
    if request.param == "lease" and backend.name == "sqlite":
        pytest.skip("SQLite has no lease")
    kind: LockKind = request.param
    return make_lock(kind, connect(backend.url)), make_lock(kind, connect(backend.url))


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Backend:
    """A database whose lock is held by a session."""
    return Backend(request.param, request.getfixturevalue(f"{request.param}_url"))


class TestEveryLock:
    def test_what_one_holds_the_other_cannot_have(self, locks: tuple[Lock, Lock]) -> None:
        ours, theirs = locks

        assert ours.try_acquire("D001")
        assert not theirs.try_acquire("D001")
        ours.release("D001")

    def test_what_is_given_back_can_be_had(self, locks: tuple[Lock, Lock]) -> None:
        ours, theirs = locks
        ours.try_acquire("D001")

        assert ours.release("D001")

        assert theirs.try_acquire("D001")
        theirs.release("D001")

    def test_one_revision_after_the_other_can_be_had(self, locks: tuple[Lock, Lock]) -> None:
        ours, theirs = locks

        for lock in (ours, theirs, ours):
            for revision in ("D001", "D002"):
                assert lock.try_acquire(revision)
                assert lock.release(revision)

    def test_holding_it_proves_that_nobody_else_is_at_work(self, locks: tuple[Lock, Lock]) -> None:
        assert all(lock.exclusive for lock in locks)


class TestLocksOfServers:
    def test_another_revision_is_free(self, server: Backend, connect: Connect) -> None:
        ours, theirs = (make_lock("auto", connect(server.url)) for _ in range(2))
        ours.try_acquire("D001")

        assert theirs.try_acquire("D002")
        assert not theirs.try_acquire("D001")

    @pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
    def test_another_database_of_the_server_is_free(
        self, kind: str, request: pytest.FixtureRequest, connect: Connect
    ) -> None:
        databases: Databases = request.getfixturevalue(f"{kind}_databases")
        with databases.fresh() as first, databases.fresh() as second:
            conns = [connect(url.render_as_string(hide_password=False)) for url in (first, second)]
            ours, theirs = (make_lock("auto", conn) for conn in conns)

            assert ours.try_acquire("D001")
            assert theirs.try_acquire("D001")
            for conn in conns:
                conn.close()

    def test_another_schema_of_a_postgresql_database_is_free(
        self, postgresql_url: str, connect: Connect
    ) -> None:
        conns = [connect(postgresql_url) for _ in range(2)]
        conns[1].execute(text("CREATE SCHEMA other"))
        conns[1].execute(text("SET search_path TO other"))
        lead_anew = conns[1].execution_options(schema_translate_map={})
        lead_home(lead_anew)
        ours, theirs = (make_lock("auto", conn) for conn in conns)

        assert ours.try_acquire("D001")
        assert theirs.try_acquire("D001")

    def test_it_is_free_again_when_the_session_of_its_holder_ends(
        self, server: Backend, connect: Connect
    ) -> None:
        theirs = make_lock("auto", connect(server.url))
        conn = connect(server.url)
        make_lock("auto", conn).try_acquire("D001")

        conn.close()

        assert acquire(theirs, "D001", 30, lambda: None)

    def test_a_lock_that_was_lost_with_its_session_is_told_at_its_release(
        self, server: Backend, connect: Connect
    ) -> None:
        conn = connect(server.url)
        lock = make_lock("auto", conn)
        lock.try_acquire("D001")
        session = conn.scalar(text(f"SELECT {OWN_SESSION[server.name]}"))

        connect(server.url).exec_driver_sql(KILL[server.name].format(session))

        assert release(lock, "D001") is False

    def test_a_lock_that_was_not_held_is_told_at_its_release(
        self, server: Backend, connect: Connect
    ) -> None:
        assert release(make_lock("auto", connect(server.url)), "D001") is False

    def test_it_leaves_no_transaction_open(self, postgresql_url: str, connect: Connect) -> None:
        """A transaction left idle holds a snapshot that others have to wait for."""
        conn = connect(postgresql_url)
        session = conn.scalar(text("SELECT pg_backend_pid()"))
        make_lock("auto", conn).try_acquire("D001")

        query = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
        assert connect(postgresql_url).scalar(query, {"pid": session}) == "idle"


class TestFileLock:
    def test_the_kernel_frees_it_when_its_process_is_killed(self, tmp_path: Path) -> None:
        database = tmp_path / "a.db"
        program = f"""
from pathlib import Path
from delembic.locks.file import DatabaseFileLock
lock = DatabaseFileLock(Path({str(database)!r}))
print(lock.try_acquire("D001"), flush=True)
input()
"""
        lock = DatabaseFileLock(database)
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"True\n"
            assert not lock.try_acquire("D001")

            os.kill(process.pid, signal.SIGKILL)

        assert lock.try_acquire("D001")
        assert lock.release("D001")

    def test_another_database_in_the_same_folder_is_free(self, tmp_path: Path) -> None:
        ours, theirs = DatabaseFileLock(tmp_path / "a.db"), DatabaseFileLock(tmp_path / "b.db")

        assert ours.try_acquire("D001")
        assert theirs.try_acquire("D001")
        ours.release("D001")
        theirs.release("D001")

    def test_a_database_that_is_reached_by_a_symbolic_link_has_one_lock(
        self, tmp_path: Path
    ) -> None:
        tmp_path.joinpath("link.db").symlink_to(tmp_path / "a.db")
        ours, theirs = DatabaseFileLock(tmp_path / "a.db"), DatabaseFileLock(tmp_path / "link.db")

        assert ours.try_acquire("D001")
        assert not theirs.try_acquire("D001")
        ours.release("D001")

    def test_it_may_be_given_back_by_another_thread(self, tmp_path: Path) -> None:
        lock, other = DatabaseFileLock(tmp_path / "a.db"), DatabaseFileLock(tmp_path / "a.db")
        thread = threading.Thread(target=lock.try_acquire, args=["D001"])
        thread.start()
        thread.join()

        assert not other.try_acquire("D001")
        lock.release("D001")

        assert other.try_acquire("D001")
        other.release("D001")


class TestChoice:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("auto", {"sqlite": DatabaseFileLock, "postgresql": SessionLock, "mysql": SessionLock}),
            ("none", {"sqlite": NoLock, "postgresql": NoLock, "mysql": NoLock}),
            ("advisory", {"postgresql": SessionLock, "mysql": SessionLock}),
            ("file", {"sqlite": DatabaseFileLock}),
            ("lease", {"postgresql": LeaseLock, "mysql": LeaseLock}),
        ],
    )
    def test_the_lock_is_what_the_ini_asks_for_if_it_fits(
        self, backend: Backend, connect: Connect, kind: LockKind, expected: dict[str, type[Lock]]
    ) -> None:
        conn = connect(backend.url)

        if backend.dialect in expected:
            assert type(make_lock(kind, conn)) is expected[backend.dialect]
            return
        with pytest.raises(ConfigurationError) as caught:
            make_lock(kind, conn)
        assert str(caught.value) == (
            f"lock = {kind} does not work with the database {backend.dialect}.\n"
            f"Set lock = auto, which uses {BEST[backend.dialect]} there."
        )

    def test_a_database_in_memory_needs_none(self) -> None:
        engine = create_engine("sqlite://", poolclass=StaticPool)
        with engine.connect() as conn:
            lock = make_lock("auto", conn)

        engine.dispose()
        assert isinstance(lock, NoLock)
        assert not lock.exclusive
        assert lock.try_acquire("D001")
        assert lock.release("D001")


class Busy(Lock):
    """A lock that is free at the last of so many tries."""

    exclusive = True

    def __init__(self, tries: int) -> None:
        self.left = tries

    def try_acquire(self, revision: str) -> bool:
        self.left -= 1
        return self.left <= 0

    def release(self, revision: str) -> bool:
        return True


class TestAcquiring:
    def test_a_free_one_is_had_at_once_and_nothing_is_said(self) -> None:
        waits: list[None] = []

        assert acquire(Busy(1), "D001", 0, lambda: waits.append(None))

        assert waits == []

    def test_a_busy_one_is_tried_for_again_and_that_is_said_once(self) -> None:
        waits: list[None] = []

        assert acquire(Busy(4), "D001", 30, lambda: waits.append(None))

        assert len(waits) == 1

    def test_a_timeout_of_zero_tries_once(self) -> None:
        lock = Busy(2)

        assert not acquire(lock, "D001", 0, lambda: None)

        assert lock.left == 1

    def test_when_the_time_is_up_it_gives_up(self) -> None:
        lock = Busy(1_000_000)

        assert not acquire(lock, "D001", 0.05, lambda: None)

        assert lock.left < 1_000_000 - 1
