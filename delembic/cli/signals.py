"""Ctrl-C and SIGTERM: the first one asks the command to end, a second one ends it.

Python runs a handler between two steps of Python code: not while a driver, or whatever else a
migration calls, is inside a long call in C. So what arrives is read on a thread as well. It ends
SQLite's statement when the handler has not been run, and at a second signal the process.
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
    """The process was asked to end by a signal."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = INTERRUPTED + signal_number


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raise `Stopped` on Ctrl-C and SIGTERM, so the work is rolled back; a second one kills."""
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
    """The thread that reads the signals which the handler may not hear of in time."""

    def __init__(self) -> None:
        self._heard = False
        # The handler can come while it runs itself, for the other signal.
        self._lock = threading.RLock()
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)

    @contextmanager
    def watching(self) -> Iterator[_Watch]:
        """Read signals in the block, which has to be on the main thread."""
        before = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        _mouths.add(self._mouth.fileno())
        self._thread.start()
        try:
            yield self
        finally:
            signal.set_wakeup_fd(before)
            _mouths.discard(self._mouth.fileno())
            self._mouth.close()  # which the thread reads as the end
            self._thread.join()
            self._ear.close()
            let_statements_be()

    def hear(self) -> None:
        """Note that the handler runs, so nothing needs to be ended for it to run."""
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
        if second:  # and the handler has not been run: it leaves the second one to the system
            os._exit(INTERRUPTED + second)

    def _report(self, number: signal.Signals) -> None:
        if not self._heard:
            click.echo(f"{number.name} waits for a call to end; send another to kill.", err=True)

    def _next(self, timeout_seconds: float | None) -> int | None:
        """Return the next signal that is to end us; 0 at the end, `None` when the time is over."""
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
    """Keep the signals of a forked child from being taken for ours."""
    before = signal.set_wakeup_fd(-1)
    if before not in _mouths:
        signal.set_wakeup_fd(before)


os.register_at_fork(after_in_child=_be_deaf)
