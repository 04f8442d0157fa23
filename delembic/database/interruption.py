"""A way to end a statement of SQLite from outside, while its thread waits for it in C.

Drivers of other databases wait for a socket, which a signal interrupts. SQLite computes in the
process itself, and Python hears of a signal only when that is over.
"""

from __future__ import annotations

import threading
from typing import Any

_INSTRUCTIONS = 10_000
"""Of SQLite's virtual machine, between two looks: well below a millisecond."""

# Asked by SQLite with `locked`, which is not Python code: a handler for signals cannot run, and
# raise, in the midst of it, where the error would be lost.
_stop = threading.Lock()


def make_interruptible(driver: Any) -> None:
    """Let `interrupt_statements` end what a connection of ``sqlite3`` is at.

    SQLite's own ``interrupt`` would do, were it not that it also ends the rollback that follows,
    as long as any cursor of the connection is in the midst of its rows.
    """
    driver.set_progress_handler(_stop.locked, _INSTRUCTIONS)


def make_uninterruptible(driver: Any) -> None:
    """Take `make_interruptible` back."""
    driver.set_progress_handler(None, 0)


def interrupt_statements() -> None:
    """End the long statements of interruptible connections with an error, until they are let be."""
    _stop.acquire(blocking=False)


def let_statements_be() -> None:
    """Take `interrupt_statements` back, so that there can be a rollback and a record."""
    if _stop.locked():
        _stop.release()
