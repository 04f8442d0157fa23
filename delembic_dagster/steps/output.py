"""Forwards what a migration logs and prints to the log of its Dagster step."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from dagster import DagsterLogManager

from delembic.redaction import redact
from delembic_dagster.metadata import LONGEST_TEXT
from delembic_dagster.steps.line import Line

MOST_LINES = 1_000
"""The most lines of a migration in Dagster's event log, which stores each line as an event."""


@contextmanager
def forwarding_output(
    log: DagsterLogManager, managed_loggers: Sequence[str] = ()
) -> Iterator[None]:
    """Forward what the block prints, and what it logs from level INFO up, to the step's log.

    Printed output also appears on the standard output. Passwords are masked. Of very long output,
    only the beginning is forwarded, and of a progress line only some versions. The step's own
    stdout has all of it.

    The block must not run any code of Dagster's except its log, so it must not yield to Dagster.
    Dagster's storage logs too, through Alembic for example. A forwarded record would then wait
    forever for the storage that emitted it.

    Args:
        log: The log of the step.
        managed_loggers: The loggers that Dagster's instance is configured to forward itself.
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
    """Writes lines up to a limit, and none after the end."""

    def __init__(self, log: DagsterLogManager) -> None:
        self._log = log
        self._lines = 0
        self._ended = False

    def write(self, level: int, text: str) -> None:
        if self._ended:
            return
        self._lines += 1
        if self._lines <= MOST_LINES:
            self._log.log(level, _beginning(redact(text)))
        elif self._lines == MOST_LINES + 1:
            self._log.warning(
                f"More than {MOST_LINES} lines of output: the rest is not shown here. What is"
                " printed is also in the step's stdout."
            )

    def end(self) -> None:
        """Accept no more lines: a log handler from the block may keep its stdout forever."""
        self._ended = True


def _beginning(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    end = f" … (only the first {LONGEST_TEXT:,} characters are shown here)"
    return text[: LONGEST_TEXT - len(end)] + end


class _Handler(logging.Handler):
    """Forwards records, except those that Dagster itself logs, which would come back here."""

    def __init__(self, sink: _Sink, managed_loggers: Sequence[str]) -> None:
        super().__init__(logging.INFO)
        self._sink = sink
        # Alembic is queried for its revisions before the migration runs, and logs that each time.
        # A Celery worker also logs what is printed in it.
        self._left_out = ("dagster", "alembic", "celery.redirected", *managed_loggers)
        self._all_managed = "root" in managed_loggers

    def emit(self, record: logging.LogRecord) -> None:
        names = record.name.split(".")
        above = {".".join(names[:n]) for n in range(1, len(names) + 1)}
        if self._all_managed or not above.isdisjoint(self._left_out):
            return
        try:
            self._sink.write(_level(record), self.format(record))
        except Exception:  # noqa: BLE001 - as in all handlers: logging stops no work
            self.handleError(record)


def _level(record: logging.LogRecord) -> int:
    """Return the nearest lower level that Dagster knows; its pages fail with any other."""
    return min(record.levelno // 10 * 10, logging.CRITICAL)


class _Printed(io.TextIOBase):
    """The standard output, with its lines also forwarded to the step's log."""

    # These replace attributes of the base class, which cannot be set there.
    encoding: str = "utf-8"
    errors: str | None = None

    def __init__(self, sink: _Sink, stdout: TextIO) -> None:
        self._sink = sink
        self._stdout = stdout
        # Longer than what is shown: masked passwords make a text shorter.
        self._line = Line(2 * LONGEST_TEXT, self._forward)
        # In a Celery worker, the standard output is not a file and has neither attribute.
        self.encoding = getattr(stdout, "encoding", None) or self.encoding
        self.errors = getattr(stdout, "errors", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)  # such as its buffer

    def write(self, text: str) -> int:
        self._stdout.write(text)
        *lines, rest = text.split("\n")
        for line in lines:
            self._line.write(line)
            self._line.end()
        self._line.write(rest)
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
        """Forward a last line that lacks its line break."""
        self._line.end()

    def _forward(self, line: str) -> None:
        if line.strip():
            self._sink.write(logging.INFO, line)
