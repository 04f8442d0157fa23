"""What a user writes: a class that changes data once, and says what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from sqlalchemy import Connection


class DataMigration:
    """One versioned change of data. Subclass it in a file below ``versions/``.

    The class attributes are read from the file's syntax tree, without importing it, as long as
    they are literals. An instance is made without arguments, once for each attempt.

    Attributes:
        revision: The name of this migration, unique in the project, never changed once applied.
        depends_on: Revisions that must be applied before: of delembic, or of Alembic where
            ``alembic_config`` is set.
        description: One line for people.
        tags: For selecting and labelling: a list of names, or a mapping of names to values.
        owners: People (an e-mail address) or teams (``team:NAME``) who answer for the data.
        group: The asset group that Dagster shows it in.
        meta: What other programs are told, by their names: ``{"dagster": {"pool": "warehouse"}}``
            (see `delembic_dagster.OpSettings`). Delembic itself does not look at it.
        transaction: ``False`` for work that the database refuses inside of a transaction, such as
            ``CREATE INDEX CONCURRENTLY`` or ``VACUUM``. Each statement is then committed by itself,
            and the mark is written after the work: the work takes effect at least once, not exactly
            once.

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

    def upgrade(self, conn: Connection) -> None:
        """Change the data.

        Args:
            conn: An open connection, already in a transaction. Delembic owns it and commits it
                after `validate`; a statement sent through the driver's own connection (a COPY, for
                instance) is part of the same transaction. Do not commit or close it.

        Raises:
            Exception: Whatever is raised rolls all of it back and is recorded as a failure.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define upgrade(self, conn)")

    def validate(self, conn: Connection) -> None:
        """Check the result before it is committed; optional.

        Args:
            conn: The connection that `upgrade` used, in the same transaction.

        Raises:
            Exception: Whatever is raised rolls the work back and is recorded as a failure.
        """
