"""The command line for tests: in this process, in a separate one, and on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from delembic.cli import main
from support.projects import PATIENCE_SECONDS

TESTS = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "delembic")

_started: list[subprocess.Popen[str]] = []


@dataclass(frozen=True)
class Ran:
    """The result of a command."""

    exit_code: int
    out: str
    err: str


def run(*arguments: str, cwd: Path, **environment: str) -> Ran:
    """Run delembic in this process."""
    runner = CliRunner(env={"DELEMBIC_CONFIG": None, **environment})
    with chdir(cwd):
        result = runner.invoke(main, arguments, prog_name="delembic", catch_exceptions=False)
    return Ran(result.exit_code, result.stdout, result.stderr)


def run_process(*arguments: str, cwd: Path, **environment: str) -> Ran:
    """Run delembic in a separate process."""
    process = start(*arguments, cwd=cwd, **environment)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return Ran(process.returncode, out, err)


def start(*arguments: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Start delembic in a separate process, which the caller waits for."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=_inherited() | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _started.append(process)
    return process


def end_what_was_started() -> None:
    """End the processes that a test did not wait for, such as after a failure."""
    while _started:
        with _started.pop() as process:
            process.kill()


def run_on_a_terminal(*arguments: str, cwd: Path, **variables: str) -> Ran:
    """Run delembic on a terminal; both streams are in ``out``, as a user would see them."""
    ours, theirs = pty.openpty()
    environment = _inherited() | {"TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    environment |= variables
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = _read_all(ours)
    os.close(ours)
    return Ran(process.returncode, seen.decode(), "")


def wait_until(is_so: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> None:
    """Check repeatedly until a condition is true; give up after some seconds."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def _read_all(terminal: int) -> bytes:
    seen = b""
    with suppress(OSError):  # the end: no process has the other side open any more
        while chunk := os.read(terminal, 4096):
            seen += chunk
    return seen


def _inherited() -> dict[str, str]:
    inherited = {name: text for name, text in os.environ.items() if name != "DELEMBIC_CONFIG"}
    path = os.pathsep.join(filter(None, [str(TESTS), inherited.get("PYTHONPATH")]))
    return inherited | {"PYTHONPATH": path}
