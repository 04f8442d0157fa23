"""Waits between two batches, for as long as something asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Self

from sqlalchemy import Connection

from delembic.audit.checkpoints import read_checkpoint
from delembic.database.connections import autocommitting_apart
from delembic.errors import MigrationFailedError
from delembic.events import Throttled
from delembic.execution.run import Run
from delembic.migration import BatchedMigration
from delembic.status import Phase
from delembic.user_code import user_code

_POLL_SECONDS = 1.0

Signal = Callable[[Connection], str | None]
"""Returns a reason to wait, or ``None``."""


class Throttling:
    """Asks the signals of a migration, on a connection of their own.

    Args:
        run: The run.
        revision: The migration's revision.
        migration: The migration, whose ``throttle`` is asked.
    """

    def __init__(self, run: Run, revision: str, migration: BatchedMigration) -> None:
        self._run = run
        self._revision = revision
        self._signals = signals_of(migration)
        self._connections = ExitStack()
        self._conn: Connection | None = None
        self._reason = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connections.close()

    def wait(self) -> None:
        """Wait until no signal gives a reason to, or the run has to stop.

        Raises:
            MigrationFailedError: A signal cannot be read, or has raised an error.
        """
        while reason := self._ask():
            self._tell(reason)
            if self._run.is_over or self._is_held():
                break  # the caller stops
            time.sleep(_POLL_SECONDS)
        self._tell("")

    def _ask(self) -> str:
        for signal in self._signals:
            with user_code(partial(MigrationFailedError, self._revision, Phase.BATCH)):
                if reason := signal(self._connected()):
                    return str(reason)
        return ""

    def _connected(self) -> Connection:
        if self._conn is None or self._conn.closed or self._conn.invalidated:
            self._connections.close()
            self._conn = self._connections.enter_context(autocommitting_apart(self._run.work))
        return self._conn

    def _is_held(self) -> bool:
        checkpoint = read_checkpoint(self._run.home, self._revision)
        return checkpoint is not None and checkpoint.is_held

    def _tell(self, reason: str) -> None:
        if reason != self._reason:
            self._run.emit(Throttled(self._revision, reason))
            self._reason = reason


def signals_of(migration: BatchedMigration) -> Sequence[Signal]:
    """Return what a migration wants to be asked, whether it is a method or a list."""
    throttle = migration.throttle
    return [throttle] if callable(throttle) else list(throttle)
