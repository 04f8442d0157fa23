"""What migrations log, on the standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from delembic.redaction import redact

_NOT_THEIRS = "alembic"
"""Alembic is asked for its revisions before migrations run, and logs that each time."""


@contextmanager
def showing_logs(*, wanted: bool) -> Iterator[None]:
    """Show what is logged in the block, from level INFO up.

    Args:
        wanted: Whether to do that.
    """
    if not wanted:
        yield
        return
    root, handler = logging.getLogger(), _Handler(logging.INFO)
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class _Handler(logging.Handler):
    """Prints each record on lines of its own, below the line of its migration."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] == _NOT_THEIRS:
            return
        try:
            # Not by click, which would write past the live line of a terminal.
            sys.stderr.write(f"  {record.levelname} {redact(self.format(record))}\n")
        except Exception:  # noqa: BLE001 - as in all handlers: logging stops no work
            self.handleError(record)
