"""The base class of migrations. A migration changes data once, and declares what it needs."""

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
