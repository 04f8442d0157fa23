"""A COMMIT that reaches the server when its client is dead, and its lock is with another runner."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from delembic.database.dialects import postgresql
from delembic.errors import CommitInDoubtError
from delembic.events import Finished, Settled, Skipped
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder
from support.shell import start, wait_until

_COMMIT = re.compile(rb"(?<!AUTO)COMMIT")


class Wire:
    """Carries bytes between clients and a server, but holds back a COMMIT until it is let go.

    The session of that COMMIT stays open at the server when its client is gone; all others end
    with their clients.

    Args:
        host: Of the server.
        port: Of the server.
        cut: Whether the client of that COMMIT finds its connection lost.

    Attributes:
        holds: Set when the COMMIT has come.
    """

    def __init__(self, host: str, port: int, *, cut: bool = False) -> None:
        self._server = (host, port)
        self._cut = cut
        self._door = socket.create_server(("127.0.0.1", 0))
        self._port = self._door.getsockname()[1]
        self.holds = threading.Event()
        self._may_go = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def carrying(self, url: str) -> str:
        """The URL of the same database by this way."""
        by = make_url(url).set(host="127.0.0.1", port=self._port)
        return by.render_as_string(hide_password=False)

    def let_go(self) -> None:
        self._may_go.set()

    def close(self) -> None:
        self.let_go()
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._door.accept()
                server = socket.create_connection(self._server)
                held = threading.Event()
                for carry in (self._up, self._down):
                    arguments = (client, server, held)
                    threading.Thread(target=carry, args=arguments, daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, held: threading.Event) -> None:
        with client, server, suppress(OSError):
            is_work = False  # a driver commits, too, when it connects
            while chunk := client.recv(65536):
                is_work |= b"INTO t " in chunk
                if is_work and _COMMIT.search(chunk) and not self.holds.is_set():
                    held.set()
                    self.holds.set()
                    self._hold(chunk, client, server)
                    return
                server.sendall(chunk)
            server.shutdown(socket.SHUT_RDWR)  # ends the session, and the thread that reads it

    def _hold(self, chunk: bytes, client: socket.socket, server: socket.socket) -> None:
        if self._cut:
            client.shutdown(socket.SHUT_RDWR)
        self._may_go.wait()
        server.sendall(chunk)
        server.shutdown(socket.SHUT_WR)  # the client has nothing more to say
        while server.recv(65536):
            pass

    def _down(self, client: socket.socket, server: socket.socket, held: threading.Event) -> None:
        with suppress(OSError):
            while not held.is_set() and (chunk := server.recv(65536)):
                client.sendall(chunk)


@pytest.fixture(params=["postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    yield from _wire(url, cut=False)


@pytest.fixture
def cutting_wire(url: str) -> Iterator[Wire]:
    yield from _wire(url, cut=True)


def _wire(url: str, *, cut: bool) -> Iterator[Wire]:
    server = make_url(url)
    assert server.host
    assert server.port
    wire = Wire(server.host, server.port, cut=cut)
    yield wire
    wire.close()


def test_it_takes_effect_once_and_its_row_is_put_right(
    url: str, wire: Wire, tmp_path: Path
) -> None:
    GATES.clear()
    project = ProjectFolder(tmp_path / "project", url)
    project.execute("CREATE TABLE t (x INTEGER)")
    _die_at_the_commit(ProjectFolder(tmp_path / "first", wire.carrying(url)), wire)
    project.migration(
        "D001",
        "conn.exec_driver_sql('INSERT INTO t VALUES (1)')\n"
        "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)",
    )

    with ThreadPoolExecutor() as pool:
        second = pool.submit(project.upgrade)
        assert GATES["inside"].wait(PATIENCE_SECONDS)
        before = project.statuses()
        wire.let_go()
        wait_until(lambda: "D001" in project.marks())
        GATES["go"].set()
        (outcome,) = second.result()

    assert before == ["interrupted", "running"]
    assert isinstance(outcome, Skipped)
    assert project.value("SELECT count(*) FROM t") == 1
    late, vain = project.attempts()
    assert (late.status, bool(late.recovered)) == ("success", True)
    assert (vain.status, vain.exception) == (
        "interrupted",
        "Another run applied it in the meantime.",
    )
    assert [e.status for e in project.events if isinstance(e, Settled)] == [
        "interrupted",
        "success",
    ]


def test_one_whose_client_lives_is_waited_for_and_counts(
    url: str, cutting_wire: Wire, tmp_path: Path
) -> None:
    """By the end of the transaction, or by the primary key, which waits for it."""
    project = _with_a_row(tmp_path, cutting_wire.carrying(url))

    with ThreadPoolExecutor() as pool:
        running = pool.submit(project.upgrade)
        assert cutting_wire.holds.wait(PATIENCE_SECONDS)
        wait_until(lambda: _is_waited_for(url))
        cutting_wire.let_go()
        (outcome,) = running.result(PATIENCE_SECONDS)

    assert isinstance(outcome, Finished)
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.statuses() == ["success"]
    assert project.states() == {"D001": "applied"}


def test_one_that_nobody_can_tell_of_yet_stays_running_until_a_run_knows(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_SETTLING_SECONDS", 0.1)
    server = make_url(postgresql_url)
    wire = Wire(server.host or "", server.port or 0, cut=True)
    project = _with_a_row(tmp_path, wire.carrying(postgresql_url))

    with pytest.raises(CommitInDoubtError, match="D001 may have taken effect"):
        project.upgrade()
    (doubtful,) = project.attempts()
    wire.let_go()
    wait_until(lambda: "D001" in project.marks())
    project.upgrade()

    assert doubtful.status == "running"
    assert "the connection was lost during its COMMIT" in doubtful.exception
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.statuses() == ["success"]
    wire.close()


def _with_a_row(tmp_path: Path, url: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", url)
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as conn:
        conn.exec_driver_sql("CREATE TABLE t (x INTEGER)")
    project.migration("D001", "conn.exec_driver_sql('INSERT INTO t VALUES (1)')")
    return project


def _is_waited_for(url: str) -> bool:
    """Whether the failure's mark waits for the transaction, or somebody asks for its end."""
    if make_url(url).get_backend_name() == "postgresql":
        return True
    query = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE %'"
    with create_engine(url, poolclass=NullPool).connect() as conn:
        return bool(conn.exec_driver_sql(query.replace("%", "%%")).scalar_one())


def _die_at_the_commit(project: ProjectFolder, wire: Wire) -> None:
    project.migration("D001", "conn.exec_driver_sql('INSERT INTO t VALUES (1)')")
    runner = start("upgrade", cwd=project.root)
    assert wire.holds.wait(PATIENCE_SECONDS)
    runner.kill()
    runner.communicate(timeout=PATIENCE_SECONDS)
