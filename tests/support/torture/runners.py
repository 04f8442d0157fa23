"""Runs under torture: each is ``delembic upgrade`` in a separate process.

A server process that has imported everything forks them. Starting one therefore takes a few
hundredths of a second, and a kill at a random moment hits the run and not its imports.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeAlias

from support.torture.sizes import PATIENCE_SECONDS
from support.torture.steps import Ambush

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "delembic.cli.app",
        "delembic.cli.progress",
        "delembic.commands",
        "psycopg",
        "pymysql",
        "sqlalchemy.dialects.mysql.pymysql",
        "sqlalchemy.dialects.postgresql.psycopg",
        "sqlalchemy.dialects.sqlite.pysqlite",
    ]
)
Body: TypeAlias = Callable[[list[str]], None]
"""The function that a process calls with its arguments."""

_numbers = itertools.count(1)


def barrier(parties: int) -> Barrier:
    """A barrier for processes, and optionally their test; keep a reference until all have met."""
    return _FORKS.Barrier(parties, timeout=PATIENCE_SECONDS)


class StartLine:
    """Where processes wait until the test starts all of them at once, even if one is killed.

    A barrier is a lock in memory: a process that is killed while it leaves keeps the lock, and the
    others behind it wait forever. Closing a pipe starts all processes, even if some are dead.
    """

    def __init__(self) -> None:
        self._arrivals, self._arriving = _FORKS.Pipe(duplex=False)
        self._gate, self._opening = _FORKS.Pipe(duplex=False)

    def __reduce__(self) -> tuple[Callable[..., StartLine], tuple[Any, ...]]:
        # The end that starts the processes is left out: only the test has it.
        return _start_line_of_a_runner, (self._arriving, self._gate)

    def wait(self) -> None:
        """Wait for the start, in a process."""
        self._arriving.send_bytes(b"1")
        with suppress(EOFError):
            self._gate.recv_bytes()

    def let_go(self, runners: int) -> None:
        """Wait until this many have arrived, and start all of them, in the test."""
        for _ in range(runners):
            assert self._arrivals.poll(PATIENCE_SECONDS)
            self._arrivals.recv_bytes()
        self._opening.close()


def _start_line_of_a_runner(arriving: Connection, gate: Connection) -> StartLine:
    line = StartLine.__new__(StartLine)
    line._arriving, line._gate = arriving, gate
    return line


@dataclass(frozen=True)
class Runner:
    """A process that runs, or ran."""

    process: ForkServerProcess
    output: Path

    @property
    def pid(self) -> int:
        assert self.process.pid
        return self.process.pid

    @property
    def said(self) -> str:
        """The output so far."""
        return self.output.read_text()

    def has_said(self, text: str) -> bool:
        return text in self.said

    def ended_within(self, seconds: float) -> bool:
        """Whether it ended on its own within that time."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def wait(self) -> int:
        """Wait for its end; return the exit code, or the negative number of the fatal signal."""
        assert self.ended_within(PATIENCE_SECONDS), self.said
        assert self.process.exitcode is not None
        return self.process.exitcode

    def kill(self) -> int:
        self.process.kill()
        return self.wait()


def start(
    root: Path,
    *arguments: str,
    ambush: Ambush | None = None,
    at: Barrier | StartLine | None = None,
    body: Body | None = None,
) -> Runner:
    """Start a run in a project's folder.

    Args:
        root: The project's folder.
        arguments: The arguments, by default ``upgrade``.
        ambush: What happens to the run.
        at: The start line or barrier where it waits before it begins.
        body: The function to run instead of the command line.
    """
    output = root / f"output-{next(_numbers)}"
    output.touch()
    process = _FORKS.Process(
        target=_run, args=(root, output, arguments or ("upgrade",), ambush, at, body or upgrade)
    )
    process.start()
    return Runner(process, output)


def upgrade(arguments: list[str]) -> None:
    """Run the command line."""
    from delembic.cli import main

    main(["--config", "delembic.ini", *arguments])


def dagster_job(arguments: list[str]) -> None:
    """Run the job of `delembic_dagster` in this process."""
    from dagster import DagsterInstance

    from delembic_dagster import DelembicProject, build_delembic_defs

    job = build_delembic_defs(DelembicProject(Path())).resolve_job_def("delembic_upgrade")
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    raise SystemExit(0 if result.success else 1)


def _run(
    root: Path,
    output: Path,
    arguments: tuple[str, ...],
    ambush: Ambush | None,
    at: Barrier | StartLine | None,
    body: Body,
) -> None:
    os.chdir(root)
    with output.open("ab", 0) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    if ambush:
        ambush.lay()
    if body is dagster_job:
        import delembic_dagster  # noqa: F401 - takes seconds, which the others need not wait for
    if at:
        at.wait()
    body(list(arguments))
