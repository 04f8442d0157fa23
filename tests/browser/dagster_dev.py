"""`dagster dev` as a person starts it, on a copy of the example."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from servers.private import HOST, free_port

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90.0

ENVIRONMENT = {
    "DATABASE_URL": "",  # the database is the example's own file
    "LOGNAME": "ann",  # who ran it is on the page
    "PYTHONWARNINGS": "ignore",
}
"""For whatever runs on the example, beside what this machine has set up."""

# A shell lets what it runs in the background ignore Ctrl-C, and children inherit that.
_HEEDING_INTERRUPTS = ("env", "--default-signal=INT")

_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
"""


@dataclass(frozen=True)
class Example:
    """A copy of the example project, with its workspace and its tables.

    Attributes:
        folder: Where ``workspace.yaml`` is, as in the repository.
    """

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "example_project"

    @property
    def versions(self) -> Path:
        return self.project / "delembic" / "versions"

    @classmethod
    def copied_to(cls, folder: Path) -> Example:
        """Copy what is in the repository, and let Alembic make the tables."""
        folder.mkdir()
        leftovers = shutil.ignore_patterns("*.db*", "__pycache__")
        shutil.copytree(ROOT / "example_project", folder / "example_project", ignore=leftovers)
        shutil.copy(ROOT / "workspace.yaml", folder)
        example = cls(folder)
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=example.project,
            env=os.environ | ENVIRONMENT,
            check=True,
            capture_output=True,
        )
        return example


@contextmanager
def dagster_dev(example: Example, home: Path) -> Iterator[str]:
    """Run `dagster dev` on the workspace, with all that it starts in a process group of its own.

    Args:
        example: Whose ``workspace.yaml``.
        home: Where Dagster keeps its runs; made here. What it says goes into ``dev.log`` there.

    Yields:
        The address for the browser, once it answers.
    """
    home.mkdir()
    home.joinpath("dagster.yaml").write_text(_INSTANCE)
    port = free_port()
    options = f"-m dagster dev -w workspace.yaml -h {HOST} -p {port}"
    with (home / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            [*_HEEDING_INTERRUPTS, sys.executable, *options.split()],
            cwd=example.folder,
            env=os.environ | ENVIRONMENT | {"DAGSTER_HOME": str(home)},
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
    """Let `dagster dev` end in good order, then end whatever is left of its group."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
