"""What a migration logs and prints, in the log of its Dagster step."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from dagster import DagsterLogManager

from delembic.redaction import redact
from delembic_dagster.metadata import bounded

MOST_LINES = 1_000
"""Lines of one migration that go into Dagster's event log, which keeps each as an event."""


@contextmanager
def forwarding_output(
    log: DagsterLogManager, managed_loggers: Sequence[str] = ()
) -> Iterator[None]:
    """Write into the step's log what the block logs with `logging`, from INFO on, and prints.

    What is printed appears on the standard output as well. Passwords are masked, and of very much
    output the beginning is written; all of it is in the step's own stdout.

    The block must hold nothing of Dagster's own but its log: no yield to it. Its storage logs too,
    by Alembic and others; forwarded, that would wait for the storage that it comes from, for ever.

    Args:
        log: The log of the step.
        managed_loggers: Loggers that Dagster forwards by itself, as its instance is configured.
    """
    sink = _Sink(log)
    handler = _Handler(sink, managed_loggers)
    printed = _Printed(sink, sys.stdout)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        with redirect_stdout(printed):
            yield
    finally:
        printed.end()
        sink.end()
        root.setLevel(level)
        root.removeHandler(handler)


class _Sink:
    """Writes lines, up to a bound, and none after the end."""

    def __init__(self, log: DagsterLogManager) -> None:
        self._log = log
        self._lines = 0
        self._ended = False

    def write(self, level: int, text: str) -> None:
        if self._ended:
            return
        self._lines += 1
        if self._lines <= MOST_LINES:
            self._log.log(level, bounded(redact(text)))
        elif self._lines == MOST_LINES + 1:
            self._log.warning(
                f"More than {MOST_LINES} lines of output: the rest is in the step's stdout and"
                " stderr only."
            )

    def end(self) -> None:
        """Take no more: a log handler that the block has made may hold its stdout for ever."""
        self._ended = True


class _Handler(logging.Handler):
    """Forwards records, but not what Dagster logs itself, which would come back here."""

    def __init__(self, sink: _Sink, managed_loggers: Sequence[str]) -> None:
        super().__init__(logging.INFO)
        self._sink = sink
        # Alembic is asked for its revisions before the migration runs, and says so each time. And
        # what is printed in a worker of Celery is logged there, too.
        self._left_out = ("dagster", "alembic", "celery.redirected", *managed_loggers)
        self._all_managed = "root" in managed_loggers

    def emit(self, record: logging.LogRecord) -> None:
        names = record.name.split(".")
        above = {".".join(names[:n]) for n in range(1, len(names) + 1)}
        if self._all_managed or not above.isdisjoint(self._left_out):
            return
        try:
            self._sink.write(_level(record), self.format(record))
        except Exception:  # noqa: BLE001 - as in all handlers: logging ends nobody's work
            self.handleError(record)


def _level(record: logging.LogRecord) -> int:
    """Return the next level below that Dagster knows; its pages do not open with any other."""
    return min(record.levelno // 10 * 10, logging.CRITICAL)


class _Printed(io.TextIOBase):
    """A standard output whose lines are forwarded too, and that is the real one in all else."""

    # In place of what the base class says of itself: there it cannot be set.
    encoding: str = "utf-8"
    errors: str | None = None

    def __init__(self, sink: _Sink, stdout: TextIO) -> None:
        self._sink = sink
        self._stdout = stdout
        self._begun = ""
        # Celery's workers have one that is no file and knows neither.
        self.encoding = getattr(stdout, "encoding", None) or self.encoding
        self.errors = getattr(stdout, "errors", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)  # its buffer, for example

    def write(self, text: str) -> int:
        self._stdout.write(text)
        *lines, self._begun = (self._begun + text).split("\n")
        for line in filter(str.strip, lines):
            self._sink.write(logging.INFO, line)
        return len(text)

    def flush(self) -> None:
        self._stdout.flush()

    def fileno(self) -> int:
        return self._stdout.fileno()

    def isatty(self) -> bool:
        return self._stdout.isatty()

    def writable(self) -> bool:
        return True

    def end(self) -> None:
        """Forward a last line that has no end."""
        if self._begun.strip():
            self._sink.write(logging.INFO, self._begun)
