"""A private server for this process: in a temporary folder, on a free port of this machine."""

import json
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Self, TypeAlias

from sqlalchemy import URL
from sqlalchemy.exc import OperationalError

from support.servers.availability import ServerUnavailableError
from support.servers.databases import Databases

HOST = "127.0.0.1"
USER = "delembic"
_PATIENCE = 60.0
_POLL_SECONDS = 0.02
# This is below the ports for outgoing connections: one of those could take the port of a server
# that a test has stopped for a moment.
_PORTS = range(20_000, 32_000)

Command: TypeAlias = Sequence[str | Path]


class Keeper:
    """The tests' end of a keeper process (see `servers.keeper`).

    Attributes:
        folder: The server's folder. The keeper creates it, and removes it at the end.
    """

    def __init__(self, kind: str, stop_signal: Signals) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("keeper.py"), kind, stop_signal.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C goes to a whole process group; this process must survive to clean up.
            start_new_session=True,
        )
        self.folder = Path(self._answer())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=_PATIENCE)

    def run(self, command: Command) -> None:
        """Run a command to its end, as the account that runs the server.

        Raises:
            ServerUnavailableError: The command failed.
        """
        if self._order("run", command) != 0:
            raise ServerUnavailableError(f"{Path(command[0]).name} failed: {self.last_words()}")

    def start(self, command: Command) -> int:
        """Start the server, and return its process id."""
        return self._order("start", command)

    def is_alive(self) -> bool:
        """Whether the server's process runs."""
        return bool(self._order("is alive"))

    def stop(self, signal: Signals | None = None) -> None:
        """Stop the server with a signal, and return when its process has ended."""
        self._order("stop", [signal.name] if signal else [])

    def last_words(self) -> str:
        """The end of the server's output."""
        log = (self.folder / "log").read_text(errors="replace")
        return "\n".join(log.splitlines()[-30:])

    def _order(self, order: str, command: Command = ()) -> int:
        assert self._process.stdin is not None
        line = json.dumps({"order": order, "command": [str(word) for word in command]})
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        if answer := self._process.stdout.readline().strip():
            return answer
        raise ServerUnavailableError("the process that keeps the server has ended")


class PrivateServer:
    """One server that keeps its data and its port across restarts.

    Attributes:
        databases: The source of new databases.
        pid: The server's process id, which changes with each start.
    """

    def __init__(self, keeper: Keeper, command: Command, url: URL) -> None:
        self.databases = Databases(url)
        self.pid = 0
        self._keeper = keeper
        self._command = command

    @property
    def programs(self) -> Path:
        """The folder of the server's programs."""
        return Path(self._command[0]).parent

    def start(self) -> None:
        """Start the server and return once it answers; a running one is stopped first.

        Raises:
            ServerUnavailableError: The server did not start.
        """
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.pid = self._keeper.start(self._command)
            if self._answers_before(deadline):
                return
            # The children of a killed server may hold the data for a moment longer, so try again.
            time.sleep(_POLL_SECONDS)
        raise ServerUnavailableError(f"the server did not start: {self._keeper.last_words()}")

    def stop(self, signal: Signals | None = None) -> None:
        """Shut the server down; its data are kept.

        Args:
            signal: How; by default, it shuts down in good order.
        """
        self._keeper.stop(signal)

    def is_running(self) -> bool:
        """Whether the server is alive and answers."""
        return self._keeper.is_alive() and self._answers()

    def _answers_before(self, deadline: float) -> bool:
        while self._keeper.is_alive() and time.monotonic() < deadline:
            if self._answers():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _answers(self) -> bool:
        try:
            with self.databases.connection():
                return True
        except OperationalError:
            return False


def new_password() -> str:
    """A password with characters that URLs, ini files and drivers may mishandle.

    The random end prevents another server on our port from being mistaken for ours.
    """
    return f"p%40:w/d@{secrets.token_hex(4)}"


def free_port() -> int:
    """A port on which nothing is listening now."""
    return next(port for port in random.sample(_PORTS, len(_PORTS)) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As for the servers themselves, a port with only closing connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
