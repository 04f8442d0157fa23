"""What a kind of database makes and gets: a witness, locks of a session, the name of a table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from delembic.status import TransactionState


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a table.

    Attributes:
        table: Without its schema.
        schema: Its schema; ``None`` if the name alone has to do.
        quoted: Both, as they stand in a statement.
        numbered: Whether the database numbers its rows.
    """

    table: str
    schema: str | None
    quoted: str
    numbered: bool = False


class Trouble(Enum):
    """What an error says about trying the same transaction again."""

    CONFLICT = "conflict"
    """A deadlock, a serialization failure, or too long a wait for a lock: try the same again."""

    TOO_LONG = "too long"
    """A statement exceeded its time limit: less work may succeed."""


class Witness(Protocol):
    """Watches the transaction of one piece of work. Created right after the transaction begins.

    A migration may end its transaction, on purpose, by a DDL statement of MySQL, or because the
    server gave it up. What was committed cannot be rolled back any more, and what was rolled back
    is lost, so both have to be told.
    """

    transaction_id: int | None
    """The server's id of the transaction, if a lost commit can be traced by it."""

    def watch(self) -> None:
        """Watch the transaction that has begun in place of the one before."""

    def look(self, errors: Collection[int]) -> TransactionState:
        """Right before a commit or a rollback that SQLAlchemy sends: look for an earlier end.

        Args:
            errors: As for `come_back`.

        Returns:
            What has become of the watched transaction.

        Raises:
            DBAPIError: The server has given the transaction up, or the session is over.
        """

    def come_back(self, errors: Collection[int]) -> TransactionState:
        """Lead the session back to the schema and the role in which it began.

        Args:
            errors: The numbers of the server's errors that were seen since the transaction began.

        Returns:
            What has become of the watched transaction. Asking does it no harm.
        """

    def roll_back(self, errors: Collection[int]) -> TransactionState:
        """Roll back.

        Args:
            errors: As for `come_back`.

        Returns:
            What had become of the watched transaction before: if it was open, all of it is undone.
        """

    def has_committed(self) -> bool:
        """After the session was lost: whether the transaction is known to have been committed."""

    def outside(self) -> bool:
        """Whether statements are sent outside of any transaction by now, as far as can be known."""

    def kept_rows(self) -> bool:
        """Right after `roll_back`: whether tables without transactions have kept what was done."""


class SessionLocks(Protocol):
    """Locks that the server keeps for a session and frees when it ends."""

    def try_acquire(self, revision: str) -> bool:
        """Take the revision's lock if it is free, without waiting."""

    def release(self, revision: str) -> bool:
        """Release the lock, and return whether it was still held."""
