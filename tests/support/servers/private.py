"""A server of our own: in a temporary folder, on a free port of this machine, for this process."""

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
# Below the ports that outgoing connections are given: one of those could take the port of a
# server that a test has stopped for a moment.
_PORTS = range(20_000, 32_000)

Command: TypeAlias = Sequence[str | Path]


class Keeper:
    """Our end of a keeper process (see `servers.keeper`).

    Attributes:
        folder: Where the server lives. The keeper makes it, and removes it at the end.
    """

    def __init__(self, kind: str, stop_signal: Signals) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("keeper.py"), kind, stop_signal.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C goes to a whole group of processes; this one must live to clear up.
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
        """Runs a command to its end, as the account that is to run the server.

        Raises:
            ServerUnavailableError: The command failed.
        """
        if self._order("run", command) != 0:
            raise ServerUnavailableError(f"{Path(command[0]).name} failed: {self.last_words()}")

    def start(self, command: Command) -> int:
        """Starts the server, and returns its process id."""
        return self._order("start", command)

    def is_alive(self) -> bool:
        """Whether the server's process runs."""
        return bool(self._order("is alive"))

    def stop(self) -> None:
        """Stops the server, and returns when its process has ended."""
        self._order("stop")

    def last_words(self) -> str:
        """The end of what the server had to say."""
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
    """One server that keeps its data and its port over a restart.

    Attributes:
        databases: Where to ask for a fresh database.
        pid: The server's process id; another one after each start.
    """

    def __init__(self, keeper: Keeper, command: Command, url: URL) -> None:
        self.databases = Databases(url)
        self.pid = 0
        self._keeper = keeper
        self._command = command

    def start(self) -> None:
        """Starts the server and returns once it answers; one that still runs is stopped first.

        Raises:
            ServerUnavailableError: It did not come up.
        """
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.pid = self._keeper.start(self._command)
            if self._answers_before(deadline):
                return
            # The children of one that was killed hold the data for a moment longer: once more.
            time.sleep(_POLL_SECONDS)
        raise ServerUnavailableError(f"the server did not start: {self._keeper.last_words()}")

    def stop(self) -> None:
        """Stops the server in good order; its data stay."""
        self._keeper.stop()

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
    """A password with the characters that URLs, ini files and drivers like to trip over.

    The random end keeps a server that happens to have our port from passing for ours.
    """
    return f"p%40:w/d@{secrets.token_hex(4)}"


def free_port() -> int:
    """A port on which nothing listens now."""
    return next(port for port in random.sample(_PORTS, len(_PORTS)) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do it: a port whose last connections are only fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
