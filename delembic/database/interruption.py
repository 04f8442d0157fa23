"""Interrupts a statement of SQLite from another thread, while its own thread is in C code.

Drivers of other databases wait for a socket, which a signal interrupts. SQLite computes in the
process itself, and Python handles a signal only when that is over.
"""

from __future__ import annotations

import threading
from typing import Any

_INSTRUCTIONS = 10_000
"""SQLite's virtual machine instructions between two checks: well below a millisecond."""

# SQLite calls `locked`, which is not Python code. A signal handler cannot run and raise during
# that call, where the error would be lost.
_stop = threading.Lock()


def make_interruptible(driver: Any) -> None:
    """Let `interrupt_statements` interrupt a connection of ``sqlite3``.

    SQLite's own ``interrupt`` is no alternative. It would also interrupt the rollback that follows,
    as long as a cursor of the connection has unread rows.
    """
    driver.set_progress_handler(_stop.locked, _INSTRUCTIONS)


def make_uninterruptible(driver: Any) -> None:
    """Undo `make_interruptible`."""
    driver.set_progress_handler(None, 0)


def interrupt_statements() -> None:
    """Interrupt long statements of interruptible connections, until `let_statements_be`."""
    _stop.acquire(blocking=False)


def let_statements_be() -> None:
    """Undo `interrupt_statements`, so that delembic can roll back and record the attempt."""
    if _stop.locked():
        _stop.release()
