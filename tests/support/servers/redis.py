"""Redis, from the server that is installed on this machine; its own settings are never read."""

import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGTERM

from support.servers.availability import ServerUnavailableError
from support.servers.private import HOST, Command, Keeper, free_port

_PATIENCE = 30.0
_POLL_SECONDS = 0.02


@contextmanager
def private_redis() -> Iterator[str]:
    """A running Redis for these tests only.

    Yields:
        Its URL; the server is stopped and its folder removed when the context ends.

    Raises:
        ServerUnavailableError: Redis is not installed, or does not work here.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise ServerUnavailableError("Redis is not installed: there is no redis-server")
    with Keeper("redis", SIGTERM) as keeper:
        port, password = free_port(), secrets.token_hex(16)
        keeper.start(_command(program, port, password))
        _await(keeper, port, password)
        yield f"redis://:{password}@{HOST}:{port}/0"


def _command(program: str, port: int, password: str) -> Command:
    # Nothing is stored: the messages of a test's broker are not needed after the tests.
    options = {"bind": HOST, "port": str(port), "requirepass": password, "save": ""}
    return [program, *(word for name, value in options.items() for word in (f"--{name}", value))]


def _await(keeper: Keeper, port: int, password: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while keeper.is_alive() and time.monotonic() < deadline:
        if _answers(port, password):
            return
        time.sleep(_POLL_SECONDS)
    raise ServerUnavailableError(f"Redis did not start: {keeper.last_words()}")


def _answers(port: int, password: str) -> bool:
    """Whether our server is listening: no other one would accept the password."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\n".encode())
            return connection.recv(5) == b"+OK\r\n"
    except OSError:
        return False
