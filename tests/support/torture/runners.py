"""Runners under torture: each is ``delembic upgrade`` in a process of its own.

A server process that has imported everything forks them, so that starting one takes a few
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
"""What a runner does with its arguments."""

_numbers = itertools.count(1)


def barrier(parties: int) -> Barrier:
    """Where runners, and perhaps their test, wait for each other; hold it until they have met."""
    return _FORKS.Barrier(parties, timeout=PATIENCE_SECONDS)


class StartLine:
    """Where runners wait for the test to let all of them go at once, and one may be killed there.

    A barrier is a lock in memory: a runner that is killed while it leaves takes the lock along, and
    those behind it wait for ever. A pipe that is closed lets everybody go, dead or alive.
    """

    def __init__(self) -> None:
        self._arrivals, self._arriving = _FORKS.Pipe(duplex=False)
        self._gate, self._opening = _FORKS.Pipe(duplex=False)

    def __reduce__(self) -> tuple[Callable[..., StartLine], tuple[Any, ...]]:
        # Without the end that opens the gate, which is the test's alone.
        return _start_line_of_a_runner, (self._arriving, self._gate)

    def wait(self) -> None:
        """For a runner: wait for the others."""
        self._arriving.send_bytes(b"1")
        with suppress(EOFError):
            self._gate.recv_bytes()

    def let_go(self, runners: int) -> None:
        """For the test: wait until so many have arrived, and let all of them go."""
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
        """What it has printed so far."""
        return self.output.read_text()

    def has_said(self, text: str) -> bool:
        return text in self.said

    def ended_within(self, seconds: float) -> bool:
        """Whether it came to its end by itself in that time."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def wait(self) -> int:
        """Its exit code; the negative number of a signal that it died of."""
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
    """Start a runner in a project's folder.

    Args:
        root: The folder.
        arguments: Instead of ``upgrade``.
        ambush: What is to happen to it.
        at: Where it waits before it begins.
        body: Instead of the command line.
    """
    output = root / f"output-{next(_numbers)}"
    output.touch()
    process = _FORKS.Process(
        target=_run, args=(root, output, arguments or ("upgrade",), ambush, at, body or upgrade)
    )
    process.start()
    return Runner(process, output)


def upgrade(arguments: list[str]) -> None:
    """The command line."""
    from delembic.cli import main

    main(["--config", "delembic.ini", *arguments])


def dagster_job(arguments: list[str]) -> None:
    """The job of `delembic_dagster`, in this process."""
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
