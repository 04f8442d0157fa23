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
from delembic.events import Outcome
from delembic.migration import DataMigration

Phase: TypeAlias = Literal["upgrade", "validate"]
"""The method of a migration in which the fault strikes."""

Act: TypeAlias = Callable[[Connection], None]
"""The fault itself, which gets the work connection."""

_Answer = TypeVar("_Answer")


class DeliberateError(Exception):
    """The error that a migration meets when a test makes it fail.

    Example:
        >>> from delembic.testing import migration_tester
        >>> with migration_tester("example_project") as tester:
        ...     print(tester.fail("D001").reason)
        DeliberateError: at the end of upgrade
    """


class MomentNeverCameError(Exception):
    """The migration ended before the statement after which the fault was to strike."""


@dataclass(frozen=True)
class Moment:
    """The moment at which a fault strikes.

    Attributes:
        phase: The method in which it strikes.
        after: The statement after which it strikes, from 1; at the end of the method if ``None``.

    Raises:
        ValueError: There is no such moment.

    Example:
        >>> print(Moment("upgrade", 2))
        after statement 2 of upgrade
    """

    phase: Phase
    after: int | None

    def __post_init__(self) -> None:
        if self.phase not in (names := get_args(Phase)):
            raise ValueError(f"{self.phase!r} is neither {' nor '.join(names)}")
        if self.after is not None and self.after < 1:
            raise ValueError(f"statements are counted from 1, not {self.after}")

    def __str__(self) -> str:
        if self.after is None:
            return f"at the end of {self.phase}"
        return f"after statement {self.after} of {self.phase}"


class Struck(DataMigration):
    """A migration that works normally until the fault strikes.

    Args:
        migration: The real migration.
        moment: When the fault strikes.
        act: The fault.
    """

    def __init__(self, migration: DataMigration, moment: Moment, act: Act) -> None:
        self._migration = migration
        self._moment = moment
        self._act = act
        self._statements = 0
        self._cursors = WeakSet[Any]()
        # As the real one has it. Of an instance, so not as a class variable.
        vars(self)["transaction"] = migration.transaction
        vars(self)["metadata"] = migration.metadata

    def upgrade(self, conn: Connection) -> Mapping[str, Any] | None:
        """Run the real ``upgrade``, with the fault in it."""
        return self._go_through("upgrade", self._migration.upgrade, conn)

    def validate(self, conn: Connection) -> bool | None:
        """Run the real ``validate``, with the fault in it."""
        return self._go_through("validate", self._migration.validate, conn)

    def _go_through(
        self, phase: Phase, method: Callable[[Connection], _Answer], conn: Connection
    ) -> _Answer:
        if phase != self._moment.phase:
            return method(conn)
        event.listen(conn, "after_cursor_execute", self._count)
        try:
            answer = method(conn)
        finally:
            event.remove(conn, "after_cursor_execute", self._count)
        if self._moment.after is None:
            self._happen(conn)
        elif self._statements < self._moment.after:
            raise MomentNeverCameError(
                f"{phase} ran {self._statements} statements, so nothing could happen {self._moment}"
            )
        return answer

    def _count(self, conn: Connection, cursor: Any, *_: Any) -> None:
        self._statements += 1
        self._cursors.add(cursor)
        if self._statements == self._moment.after:
            self._happen(conn)

    def _happen(self, conn: Connection) -> None:
        if kind_of(conn.dialect.name).cursors_hold_locks:
            # A cursor with unread rows would hold its lock as long as it lives, even after the
            # connection is closed. A server releases locks when its client is gone.
            for cursor in list(self._cursors):
                cursor.close()
        self._act(conn)


def run_struck(config: Config, revision: str, moment: Moment, act: Act) -> Outcome:
    """Run one revision as `delembic.commands.apply` does, with a fault.

    Raises:
        DelembicError: As `delembic.commands.apply` does.
    """
    graph = commands.read_graph(config)
    with commands.open_session(config) as session:
        return session.apply(
            graph, revision, around=lambda migration: Struck(migration, moment, act)
        )


def raising(moment: Moment) -> Act:
    """Return a fault that raises an error."""

    def act(conn: Connection) -> None:
        raise DeliberateError(str(moment))

    return act


def disconnect(conn: Connection) -> None:
    """Close the driver's connection without SQLAlchemy noticing."""
    kind_of(conn.dialect.name).cut(conn)


def kill(conn: Connection) -> None:
    """Kill this process, so that it can do nothing more."""
    os.kill(os.getpid(), signal.SIGKILL)
