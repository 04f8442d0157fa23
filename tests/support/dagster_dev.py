"""`dagster dev` as a user starts it: a code server, the daemon and the web server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from support.servers.private import HOST, free_port

PATIENCE_SECONDS = 90.0

# A shell makes its background processes ignore Ctrl-C, and their children inherit that.
_HEEDING_INTERRUPTS = ("env", "--default-signal=INT")

_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
"""


@contextmanager
def dagster_dev(folder: Path, home: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Run `dagster dev` on a workspace, with all that it starts in a process group of its own.

    Args:
        folder: The folder of ``workspace.yaml``.
        home: The folder where Dagster stores its runs; calls with the same folder share them. The
            output goes to ``dev.log`` there.
        environment: Variables for all that it runs, in addition to those of this machine.

    Yields:
        The address for the browser, once it answers.
    """
    home.mkdir(exist_ok=True)
    home.joinpath("dagster.yaml").write_text(_INSTANCE)
    port = free_port()
    options = f"-m dagster dev -w workspace.yaml -h {HOST} -p {port}"
    with (home / "dev.log").open("ab") as log:
        process = subprocess.Popen(
            [*_HEEDING_INTERRUPTS, sys.executable, *options.split()],
            cwd=folder,
            env=os.environ | environment | {"DAGSTER_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        address = f"http://{HOST}:{port}"
        _wait_for_an_answer(process, address, home / "dev.log")
        yield address
    finally:
        _end_group(process)


def _wait_for_an_answer(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _answers(address):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        threading.Event().wait(0.1)


def _answers(address: str) -> bool:
    with suppress(URLError, OSError), urlopen(f"{address}/server_info", timeout=10):
        return True
    return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Let `dagster dev` shut down, then end whatever is left of its group."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
