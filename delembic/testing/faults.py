"""Faults that strike a migration during its work, at the same moment in every test.

The attempt is a real one; only the methods of the migration are wrapped.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, get_args
from weakref import WeakSet

from sqlalchemy import Connection, event

from delembic import commands
from delembic.config import Config
from delembic.database.dialects import kind_of
from delembic.errors import DelembicError
from delembic.events import Outcome
from delembic.execution.work.throttling import signals_of
from delembic.migration import BatchedMigration, DataMigration

Phase: TypeAlias = Literal["upgrade", "validate", "between"]
"""Where the fault strikes: in a method of a migration, or between two of its batches.

In a migration in batches, ``upgrade`` means ``upgrade_batch``.
"""

Act: TypeAlias = Callable[[Connection], None]
"""The fault itself, which gets the work connection."""

_Answer = TypeVar("_Answer")

_OF_BATCHES = (
    "metadata",
    "batches",
    "batch_size",
    "batch_seconds",
    "batch_size_limits",
    "on_error",
    "max_skipped",
)
"""What a run reads of a migration in batches."""


class DeliberateError(DelembicError):
    """The error that a migration meets when a test makes it fail.

    It is one of delembic's own, so a batch is not halved in search of a row that causes it.

    Example:
        >>> from delembic.testing import migration_tester
        >>> with migration_tester("example_project") as tester:
        ...     print(tester.fail("D001").reason)
        DeliberateError: at the end of upgrade
    """


class MomentNeverCameError(DelembicError):
    """The migration ended before the moment at which the fault was to strike."""


@dataclass(frozen=True)
class Moment:
    """The moment at which a fault strikes.

    Attributes:
        phase: Where it strikes.
        after: The statement after which it strikes, from 1; at the end of the method if ``None``.
        batch: The batch of the attempt in which it strikes, or before which, from 1.

    Raises:
        ValueError: There is no such moment.

    Example:
        >>> print(Moment("upgrade", 2))
        after statement 2 of upgrade
        >>> print(Moment("between", batch=3))
        before batch 3
    """

    phase: Phase
    after: int | None = None
    batch: int = 1

    def __post_init__(self) -> None:
        if self.phase not in (names := get_args(Phase)):
            raise ValueError(f"{self.phase!r} is neither {' nor '.join(names)}")
        if self.after is not None and self.after < 1:
            raise ValueError(f"statements are counted from 1, not {self.after}")
        if self.batch < 1:
            raise ValueError(f"batches are counted from 1, not {self.batch}")

    def __str__(self) -> str:
        if self.phase == "between":
            return f"before batch {self.batch}"
        if self.after is None:
            return f"at the end of {self.phase}"
        return f"after statement {self.after} of {self.phase}"


class Strike:
    """Lets the fault strike at its moment, in whatever method that is.

    Args:
        moment: When the fault strikes.
        act: The fault.
    """

    def __init__(self, moment: Moment, act: Act) -> None:
        self.moment = moment
        self._act = act
        self._statements = 0
        self._cursors = WeakSet[Any]()

    def go_through(
        self, phase: Phase, method: Callable[[Connection], _Answer], conn: Connection
    ) -> _Answer:
        """Call a method of the migration, with the fault in it if this is its moment."""
        if phase != self.moment.phase:
            return method(conn)
        self._statements = 0
        event.listen(conn, "after_cursor_execute", self._count)
        try:
            answer = method(conn)
        finally:
            event.remove(conn, "after_cursor_execute", self._count)
        if self.moment.after is None:
            self.happen(conn)
        elif self._statements < self.moment.after:
            raise MomentNeverCameError(
                f"{phase} ran {self._statements} statements, so nothing could happen {self.moment}"
            )
        return answer

    def happen(self, conn: Connection) -> None:
        """Let the fault strike."""
        if kind_of(conn.dialect.name).cursors_hold_locks:
            # A cursor with unread rows would hold its lock as long as it lives, even after the
            # connection is closed. A server releases locks when its client is gone.
            for cursor in list(self._cursors):
                cursor.close()
        self._act(conn)

    def _count(self, conn: Connection, cursor: Any, *_: Any) -> None:
        self._statements += 1
        self._cursors.add(cursor)
        if self._statements == self.moment.after:
            self.happen(conn)


class Struck(DataMigration):
    """A migration that works normally until the fault strikes.

    Args:
        migration: The real migration.
        strike: The fault at its moment.
    """

    def __init__(self, migration: DataMigration, strike: Strike) -> None:
        self._migration = migration
        self._strike = strike
        # As the real one has it. Of an instance, so not as a class variable.
        vars(self)["transaction"] = migration.transaction
        vars(self)["metadata"] = migration.metadata

    def upgrade(self, conn: Connection) -> Mapping[str, Any] | None:
        """Run the real ``upgrade``, with the fault in it."""
        moment = self._strike.moment
        if moment.phase == "between" or moment.batch > 1:
            raise MomentNeverCameError("it does not work in batches")
        return self._strike.go_through("upgrade", self._migration.upgrade, conn)

    def validate(self, conn: Connection) -> bool | None:
        """Run the real ``validate``, with the fault in it."""
        return self._strike.go_through("validate", self._migration.validate, conn)


class StruckBatches(BatchedMigration):
    """A migration in batches that works normally until the fault strikes.

    Args:
        migration: The real migration.
        strike: The fault at its moment.
    """

    def __init__(self, migration: BatchedMigration, strike: Strike) -> None:
        self._migration = migration
        self._strike = strike
        self._done = 0
        for name in _OF_BATCHES:  # of an instance, so not as a class variable
            vars(self)[name] = getattr(migration, name)
        vars(self)["throttle"] = [*signals_of(migration), self._come_between]

    def prepare(self, conn: Connection) -> None:
        """Run the real ``prepare``."""
        self._migration.prepare(conn)

    def upgrade_batch(self, conn: Connection, batch: Any) -> None:
        """Do one batch, with the fault in it."""

        def work(conn: Connection) -> None:
            self._migration.upgrade_batch(conn, batch)

        if self._done + 1 == self._strike.moment.batch:
            self._strike.go_through("upgrade", work, conn)
        else:
            work(conn)
        self._done += 1

    def validate(self, conn: Connection) -> bool | None:
        """Run the real ``validate``, with the fault in it."""
        moment = self._strike.moment
        if moment.phase != "validate" and self._done < moment.batch:
            raise MomentNeverCameError(
                f"it had {self._done} batches, so nothing could happen in batch {moment.batch}"
            )
        return self._strike.go_through("validate", self._migration.validate, conn)

    def _come_between(self, conn: Connection) -> None:
        moment = self._strike.moment
        if moment.phase == "between" and self._done + 1 == moment.batch:
            self._strike.happen(conn)


def struck(migration: DataMigration, strike: Strike) -> DataMigration:
    """Return a migration that works normally until the fault strikes."""
    if isinstance(migration, BatchedMigration):
        return StruckBatches(migration, strike)
    return Struck(migration, strike)


def run_struck(config: Config, revision: str, moment: Moment, act: Act) -> Outcome:
    """Run one revision as `delembic.commands.apply` does, with a fault.

    Raises:
        DelembicError: As `delembic.commands.apply` does.
    """
    graph = commands.read_graph(config)
    with commands.open_session(config) as session:
        return session.apply(
            graph, revision, around=lambda migration: struck(migration, Strike(moment, act))
        )


def raising(moment: Moment) -> Act:
    """Return a fault that raises an error."""

    def act(conn: Connection) -> None:
        raise DeliberateError(str(moment))

    return act


def disconnecting() -> Act:
    """Return a fault that closes the driver's connection, once."""
    done = False

    def act(conn: Connection) -> None:
        nonlocal done
        if not done:
            done = True
            disconnect(conn)

    return act


def disconnect(conn: Connection) -> None:
    """Close the driver's connection without SQLAlchemy noticing."""
    kind_of(conn.dialect.name).cut(conn)


def kill(conn: Connection) -> None:
    """Kill this process, so that it can do nothing more."""
    os.kill(os.getpid(), signal.SIGKILL)
