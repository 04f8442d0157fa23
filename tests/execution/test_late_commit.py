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
from sqlalchemy import make_url

from delembic.events import Settled, Skipped
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder
from support.shell import start, wait_until

_COMMIT = re.compile(rb"(?<!AUTO)COMMIT")


class Wire:
    """Carries bytes between clients and a server, but holds back a COMMIT until it is let go.

    The session of that COMMIT stays open at the server when its client is gone; all others end
    with their clients.

    Attributes:
        holds: Set when the COMMIT has come.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
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
                for carry in (self._up, self._down):
                    threading.Thread(target=carry, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, suppress(OSError):
            while chunk := client.recv(65536):
                if _COMMIT.search(chunk) and not self.holds.is_set():
                    self.holds.set()
                    self._may_go.wait()
                    server.sendall(chunk)
                    server.shutdown(socket.SHUT_WR)  # the client has nothing more to say
                    while server.recv(65536):
                        pass
                    return
                server.sendall(chunk)
            server.shutdown(socket.SHUT_RDWR)  # ends the session, and the thread that reads it

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while not self.holds.is_set() and (chunk := server.recv(65536)):
                client.sendall(chunk)


@pytest.fixture(params=["postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    server = make_url(url)
    assert server.host
    assert server.port
    wire = Wire(server.host, server.port)
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


def _die_at_the_commit(project: ProjectFolder, wire: Wire) -> None:
    project.migration("D001", "conn.exec_driver_sql('INSERT INTO t VALUES (1)')")
    runner = start("upgrade", cwd=project.root)
    assert wire.holds.wait(PATIENCE_SECONDS)
    runner.kill()
    runner.communicate(timeout=PATIENCE_SECONDS)
