"""A newly supported database: its dialect, and the one module that supporting it takes.

It is PostgreSQL under another name. Importing this registers both, in each process that needs them.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import registry

from delembic.database.dialects import Other, SessionLocks, Witness, register
from delembic.database.dialects.postgresql import AdvisoryLock, PostgreSQL
from delembic.database.dialects.transaction_ids import TransactionIdWitness
from support.strangers import Stranger


class NewlySupported(Stranger):
    """Its dialect for SQLAlchemy."""

    name = "newly_supported"
    supports_statement_cache = True


class NewlySupportedKind(Other):
    """The behavior of delembic that is specific to this database."""

    names: ClassVar[tuple[str, ...]] = (NewlySupported.name,)

    locks: ClassVar[tuple[str, ...]] = ("advisory", "lease", "none")

    def session_locks(self, conn: Connection, scope: str) -> SessionLocks:
        """Free the lock of a dead process at once, not only when its lease has expired."""
        return AdvisoryLock(conn, scope)

    def witness(self, conn: Connection) -> Witness:
        """Detect a commit by the migration itself."""
        return TransactionIdWitness(conn)

    def await_end(self, engine: Engine, transaction_id: int | None) -> bool:
        """Find out the result of a commit that was cut off."""
        return PostgreSQL().await_end(engine, transaction_id)


registry.register(NewlySupported.name, __name__, NewlySupported.__name__)
register(NewlySupportedKind())
