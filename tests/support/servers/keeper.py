"""The process that manages one private server: it starts, stops and cleans up the server.

It is a separate process because the tests can be killed at any moment. They hold the other end of
its standard input. That end closes when they finish, and also when they are killed, so both have
the same result: the server is stopped, and the folder is removed.

The process first prints the folder. Then it reads orders, one JSON object per line, and answers
each with one number. Only the standard library is imported, because this file runs as a script.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from io import BufferedWriter
from pathlib import Path
from typing import Any

_PATIENCE = 30.0
_CANNOT_BE_RUN = 126  # as from a shell


class _Keeper:
    def __init__(self, folder: Path, stop_signal: signal.Signals) -> None:
        self._folder = folder
        self._stop_signal = stop_signal
        self._server: subprocess.Popen[bytes] | None = None

    def obey(self, order: str, command: list[str]) -> int:
        match order:
            case "run":
                return self._run(command)
            case "start":
                return self._start(command)
            case "is alive":
                return self._server is not None and self._server.poll() is None
            case "stop":
                return self.stop(*command)
            case _:
                raise ValueError(order)

    def stop(self, signal_name: str = "") -> int:
        """Stop the server and return its exit code; 0 if there is no server."""
        server, self._server = self._server, None
        if server is None:
            return 0
        server.send_signal(signal.Signals[signal_name] if signal_name else self._stop_signal)
        try:
            return server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            return server.wait()

    def remove_folder(self) -> None:
        # The children of a server that a test killed may live and write for a moment longer.
        deadline = time.monotonic() + _PATIENCE
        while self._folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, command: list[str]) -> int:
        with self._log() as log:
            try:
                return subprocess.run(command, check=False, **self._as_owner(log)).returncode
            except OSError as error:
                log.write(f"{error}\n".encode())
                return _CANNOT_BE_RUN

    def _start(self, command: list[str]) -> int:
        self.stop()  # this also reaps a server that has died since
        with self._log() as log:
            self._server = subprocess.Popen(command, **self._as_owner(log))
        return self._server.pid

    def _log(self) -> BufferedWriter:
        return (self._folder / "log").open("ab")

    def _as_owner(self, log: BufferedWriter) -> dict[str, Any]:
        owner = self._folder.stat()
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": log,
            "stderr": log,
            "cwd": self._folder,
            # That account may have no access to our folder.
            "env": os.environ | {"HOME": str(self._folder), "TMPDIR": str(self._folder)},
        }
        if owner.st_uid != os.geteuid():
            options |= {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        return options


def _new_folder(kind: str) -> Path:
    """A temporary folder that belongs to the account that will run the server."""
    folder = Path(tempfile.mkdtemp(prefix=f"delembic-{kind}-"))
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root, and MariaDB needs an option for it
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return folder


def _obey_orders(keeper: _Keeper) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        print(int(keeper.obey(order["order"], order["command"])), flush=True)


def main() -> None:
    """Execute orders until the standard input closes."""
    folder = _new_folder(sys.argv[1])
    keeper = _Keeper(folder, signal.Signals[sys.argv[2]])
    try:
        print(folder, flush=True)
        _obey_orders(keeper)
    finally:
        keeper.stop()
        keeper.remove_folder()


if __name__ == "__main__":
    main()
