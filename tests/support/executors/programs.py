"""Programs that tests start, watch and end: workers, jobs and the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
TESTS = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
"""Enough seconds for Dagster's processes to start, even on a busy machine."""

_LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True)
class Program:
    """A program that runs, or ran, in its own process group."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        """The output so far."""
        return self.output.read_text(errors="replace")

    def await_that(self, is_so: Callable[[], object]) -> None:
        """Wait for something that the program causes; fail if the program ends first."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said
            threading.Event().wait(0.02)

    def await_saying(self, text: str, times: int = 1) -> None:
        """Wait until it has printed a text."""
        self.await_that(lambda: self.said.count(text) >= times)

    def wait(self) -> int:
        """Wait for the program to end, and return its exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        """Ask the whole group to end, and wait until it has ended."""
        self.process.communicate(timeout=PATIENCE_SECONDS)


@contextmanager
def running(command: list[str | Path], output: Path, **environment: str) -> Iterator[Program]:
    """Run a program of this Python environment, and end it with the context.

    Args:
        command: Its name and arguments.
        output: The file for its output; the folder of the file is the working directory.
        environment: Additional environment variables.
    """
    name, *arguments = command
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, _LEASH, PROGRAMS / name, *arguments],
            cwd=output.parent,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(TESTS)} | environment,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    program = Program(process, output)
    try:
        yield program
    finally:
        program.end()
