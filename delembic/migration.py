"""The base classes of migrations. A migration changes data once, and declares what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from sqlalchemy import Connection


class DataMigration:
    """One versioned change of data. Subclass it in a file below ``versions/``.

    Class attributes that are literals are read from the file's syntax tree, without importing it.
    The class is instantiated without arguments, once for each attempt.

    Attributes:
        revision: The name of this migration, unique in the project, never changed once applied.
        depends_on: The revisions that must be applied first. These are delembic revisions, and
            Alembic revisions if ``alembic_config`` is set.
        description: One line for people.
        tags: Names for selecting and labeling: a list, or a mapping of names to values.
        owners: People (an e-mail address) or teams (``team:NAME``) who answer for the data.
        group: Its asset group in Dagster.
        meta: Settings for other programs, by program name: ``{"dagster": {"pool": "warehouse"}}``
            (see `delembic_dagster.OpSettings`). Delembic itself ignores them.
        transaction: ``False`` for work that the database refuses inside of a transaction, such as
            ``CREATE INDEX CONCURRENTLY`` or ``VACUUM``. Each statement is then committed by itself,
            and the mark is written after the work, which takes effect at least once instead of
            exactly once.

    Example:
        >>> from delembic import DataMigration
        >>> class LoadColours(DataMigration):
        ...     revision = "D001"
        ...     depends_on = []
        ...     description = "load colours"
        ...
        ...     def upgrade(self, conn):
        ...         conn.exec_driver_sql("INSERT INTO colour (name) VALUES ('red'), ('blue')")
        ...
        ...     def validate(self, conn):
        ...         count = conn.exec_driver_sql("SELECT count(*) FROM colour").scalar()
        ...         assert count == 2, f"expected 2 colours, found {count}"
    """

    revision: ClassVar[str]
    depends_on: ClassVar[Sequence[str]] = ()
    description: ClassVar[str] = ""
    tags: ClassVar[Sequence[str] | Mapping[str, str]] = ()
    owners: ClassVar[Sequence[str]] = ()
    group: ClassVar[str | None] = None
    meta: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    transaction: ClassVar[bool] = True

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What this attempt has found, by name, for the audit log and for Dagster.

        ``upgrade`` and ``validate`` may add to it: ``self.metadata["source"] = "2024-01.csv"``.
        """
        return {}

    def upgrade(self, conn: Connection) -> Mapping[str, Any] | None:
        """Change the data.

        Args:
            conn: An open connection, already in a transaction. Delembic owns it and commits after
                `validate`. Statements that go through the driver's own connection, such as a COPY,
                are part of the same transaction. Do not commit or close it.

        Returns:
            Nothing, or a mapping that is added to `metadata`. Anything else is ignored.

        Raises:
            Exception: Any error rolls back all of the work and is recorded as a failure.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define upgrade(self, conn)")

    def validate(self, conn: Connection) -> bool | None:
        """Check the result before it is committed; optional.

        Args:
            conn: The connection that `upgrade` used, in the same transaction.

        Returns:
            ``True`` or nothing if the result is right. ``False`` counts as a failure, and anything
            else is refused.

        Raises:
            Exception: Any error rolls back all of the work and is recorded as a failure.
        """


class Batches:
    """The base of `KeyRanges` and `FileChunks`, which say what cuts the work of a migration."""


class BatchedMigration(DataMigration):
    """A change of data in many transactions, which goes on where it was stopped.

    Each batch is a transaction of its own. The same transaction records how far the work has come,
    so each row is done exactly once, whatever ends the process and whenever. A later run goes on
    with the next batch. The migration counts as applied after the last one.

    Attributes:
        batches: What cuts the work: `KeyRanges`, `FileChunks`, or any object with
            ``next(conn, cursor, size)`` and ``total(conn)``.
        batch_size: How many rows the first batch has. Delembic finds the size from there.
        batch_seconds: How long one batch should take; ``None`` keeps the size.
        batch_size_limits: The smallest and the largest size that delembic chooses.
        on_error: ``fail``, or ``skip`` to leave out the rows that cannot be done. They are recorded
            in ``delembic_skipped``, with their errors.
        max_skipped: How many rows may be left out before the migration fails.
        throttle: What is asked before each batch: a list such as
            ``[ReplicationLag(seconds=5), Pause(seconds=0.1)]``, or a method ``throttle(conn)``
            which returns a reason to wait, or ``None``.

    Example:
        >>> from delembic import BatchedMigration, KeyRanges
        >>> from sqlalchemy import text
        >>> class LowerUnits(BatchedMigration):
        ...     revision = "D012"
        ...     depends_on = ["D011"]
        ...     description = "lower-case the units"
        ...
        ...     batches = KeyRanges("measurement", key="measurement_id", where="unit IS NOT NULL")
        ...
        ...     def upgrade_batch(self, conn, batch):
        ...         update = f"UPDATE measurement SET unit = lower(unit) WHERE {batch.where}"
        ...         conn.execute(text(update), batch.parameters)
    """

    batches: ClassVar[Any] = None
    batch_size: ClassVar[int] = 10_000
    batch_seconds: ClassVar[float | None] = 1.0
    batch_size_limits: ClassVar[tuple[int, int]] = (100, 100_000)
    on_error: ClassVar[str] = "fail"
    max_skipped: ClassVar[int | None] = None
    throttle: Any = ()

    def prepare(self, conn: Connection) -> None:
        """Do what has to be done once, before the first batch; optional.

        It is committed together with the beginning of the work, so it takes effect exactly once.

        Args:
            conn: As for `DataMigration.upgrade`.

        Raises:
            Exception: Any error rolls it back and is recorded as a failure.
        """

    def upgrade_batch(self, conn: Connection, batch: Any) -> None:
        """Do one batch.

        Args:
            conn: An open connection, in the batch's own transaction. Delembic commits it, together
                with the record of how far the work has come. Do not commit or close it. Batches
                share a session until one of them fails.
            batch: What `batches` has cut.

        Raises:
            Exception: Any error rolls back this batch. After a deadlock or the like it is tried
                again. Otherwise it is halved, down to the row that fails.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define upgrade_batch(self, conn, batch)"
        )
