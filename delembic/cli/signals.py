"""Ctrl-C and SIGTERM: the first signal asks the command to end, a second one kills it.

Python runs a signal handler only between two steps of Python code. It cannot run while a driver, or
anything else that a migration calls, is inside a long call in C. So a thread reads the signals as
well. If the handler has not run, the thread interrupts SQLite's statement, and at a second signal
it ends the process.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from delembic.database.interruption import interrupt_statements, let_statements_be

INTERRUPTED = 128
_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_SECONDS = 1.0


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = INTERRUPTED + signal_number


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raise `Stopped` on Ctrl-C or SIGTERM, which rolls back the work; a second signal kills."""
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    with _Watch().watching() as watch:

        def stop(number: int, frame: FrameType | None) -> None:
            for each in _NUMBERS:
                signal.signal(each, signal.SIG_DFL)
            watch.hear()
            raise Stopped(number)

        try:
            for number in _NUMBERS:
                signal.signal(number, stop)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Watch:
    """A thread that reads the signals, in case the handler cannot run in time."""

    def __init__(self) -> None:
        self._heard = False
        # One signal's handler may interrupt the other's on the same thread.
        self._lock = threading.RLock()
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)

    @contextmanager
    def watching(self) -> Iterator[_Watch]:
        """Read signals during the block, which must run on the main thread."""
        before = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        _mouths.add(self._mouth.fileno())
        self._thread.start()
        try:
            yield self
        finally:
            signal.set_wakeup_fd(before)
            _mouths.discard(self._mouth.fileno())
            self._mouth.close()  # the thread reads this as the end
            self._thread.join()
            self._ear.close()
            let_statements_be()

    def hear(self) -> None:
        """Note that the handler runs, so that no statement needs to be interrupted."""
        with self._lock:
            self._heard = True
            let_statements_be()

    def _watch(self) -> None:
        if not (first := self._next(None)):
            return
        with self._lock:
            if not self._heard:
                interrupt_statements()
        second = self._next(_PATIENCE_SECONDS)
        if second is None:
            self._report(signal.Signals(first))
            second = self._next(None)
        if second:  # the handler has not run; otherwise the system handles the second one
            os._exit(INTERRUPTED + second)

    def _report(self, number: signal.Signals) -> None:
        if not self._heard:
            click.echo(f"{number.name} waits for a call to return; send another to kill.", err=True)

    def _next(self, timeout_seconds: float | None) -> int | None:
        """Return the next signal that ends the process, 0 at the end, or `None` after a timeout."""
        self._ear.settimeout(timeout_seconds)
        try:
            while received := self._ear.recv(1):
                if received[0] in _NUMBERS:
                    return received[0]
        except TimeoutError:
            return None
        return 0


_mouths: set[int] = set()


def _be_deaf() -> None:
    """Stop a forked child from passing its signals to this process."""
    before = signal.set_wakeup_fd(-1)
    if before not in _mouths:
        signal.set_wakeup_fd(before)


os.register_at_fork(after_in_child=_be_deaf)
