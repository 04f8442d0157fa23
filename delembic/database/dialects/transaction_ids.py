"""Follows a transaction by the id that PostgreSQL gives it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from delembic.database.connections import autocommitting_apart, connect
from delembic.database.dialects.other import SavepointWitness
from delembic.errors import DatabaseUnavailableError, PreparedTransactionError
from delembic.status import TransactionState


class TransactionIdWitness(SavepointWitness):
    """Knows the transaction by its id, and its fate by ``txid_status``.

    The session comes back in the statement that asks for the id.
    """

    def __init__(self, conn: Connection) -> None:
        self._place: dict[str, Any] = {}
        super().__init__(conn)

    def watch(self) -> None:
        """See `Witness`."""
        row = self._conn.exec_driver_sql(_WATCH).one()
        self.transaction_id = int(row[0])
        if not self._place:
            self._place = {"user": row[1], "role": row[2], "search_path": row[3]}
        super().watch()

    def look(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        return self._state(self._conn.exec_driver_sql("SELECT txid_current()").scalar_one())

    def come_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        return self._state(self._conn.execute(_COME_BACK, self._place).one()[0])

    def roll_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`; a transaction that was given up answers no question before its end."""
        is_open = self._is_commit_refused() or self._is_done(self._question)
        self._conn.rollback()
        return TransactionState.OPEN if is_open else self._ended(errors)

    def has_committed(self) -> bool:
        """See `Witness`. Another session asks, which may fail with the server."""
        with (
            suppress(DatabaseUnavailableError, DBAPIError),
            connect(self._conn.engine) as other,
        ):
            return self._end_seen_by(other) == TransactionState.COMMITTED
        return False

    def _state(self, current: Any) -> TransactionState:
        """Return what has become of the transaction, given the id of the current one."""
        if int(current) == self.transaction_id:
            return TransactionState.OPEN
        state = self._end_seen_by(self._conn)
        if state == TransactionState.OPEN:
            raise PreparedTransactionError
        return state

    def _ended(self, errors: Collection[int]) -> TransactionState:
        return self._end_seen_by(self._conn)

    def _end_seen_by(self, conn: Connection) -> TransactionState:
        """Return how the transaction ended; `OPEN` if it was prepared, and is rolled back now."""
        match transaction_status(conn, self.transaction_id):
            case "committed":
                return TransactionState.COMMITTED
            case "in progress":
                self._roll_back_prepared()
                return TransactionState.OPEN
            case _:
                return TransactionState.ROLLED_BACK

    def _roll_back_prepared(self) -> None:
        with autocommitting_apart(self._conn.engine) as other:
            for name in other.execute(_PREPARED, {"id": self.transaction_id}).scalars().all():
                quoted = name.replace("'", "''")
                other.exec_driver_sql(f"ROLLBACK PREPARED '{quoted}'")


def transaction_status(conn: Connection, transaction_id: int | None) -> str | None:
    """Return the server's status of a transaction: in progress, committed or aborted."""
    status: str | None = conn.execute(_STATUS, {"id": transaction_id}).scalar_one()
    return status


_PREPARED = text(
    "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
    " AND transaction = CAST(CAST(:id % 4294967296 AS text) AS xid)"
)
_STATUS = text("SELECT txid_status(:id)")
_WATCH = (
    "SELECT txid_current(), session_user, current_setting('role'), current_setting('search_path')"
)
_COME_BACK = text(
    "SELECT txid_current(), CASE WHEN session_user <> :user"
    " THEN set_config('session_authorization', :user, true) END,"
    " set_config('role', :role, true), set_config('search_path', :search_path, true)"
)
