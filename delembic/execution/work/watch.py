"""What becomes of a transaction while the user's code has its connection."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from delembic.causes import describe
from delembic.database.dialects import Witness
from delembic.database.driver_errors import chain_of, error_number, is_consequence
from delembic.database.sessions import is_autocommitting, leave_autocommit
from delembic.errors import SwallowedErrorError, WorkLostError
from delembic.status import TransactionState, Undone

_NOT_THE_USERS = (str(Path(sqlalchemy.__file__).parent), str(Path(__file__).parents[2]))
"""Folders of code that a user's code calls."""


class Watch:
    """Follows a transaction from its beginning to its end.

    SQLAlchemy says when its own ``commit`` and ``rollback`` are called. What goes past it (a
    statement, the driver's methods, the server itself) is known to the witness.

    Args:
        conn: In the transaction.
        witness: Of that transaction.
    """

    def __init__(self, conn: Connection, witness: Witness) -> None:
        self._conn = conn
        self._witness = witness
        self._ends: list[TransactionState] = []
        self._rolled_back_at = ""
        self._error_numbers: set[int] = set()
        self._error = self._error_at = ""
        self._came_back = False
        self._gave_up = self._kept = self._kept_is_known = False
        self._listening: list[tuple[Connection | Engine, str, Callable[..., None]]] = [
            (conn, "commit", self._note_commit),
            (conn, "rollback", self._note_rollback),
            (conn, "begin", self._note_begin),
            (conn.engine, "handle_error", self._note_error),
        ]
        for target, name, listener in self._listening:
            event.listen(target, name, listener)

    def close(self) -> None:
        """Stop listening: what follows is delembic's own."""
        self._came_back = True
        while self._listening:
            event.remove(*self._listening.pop())

    def refuse_lost(self) -> None:
        """Refuse to go on after a rollback of the user's own.

        Raises:
            WorkLostError: Work was rolled back.
            SwallowedErrorError: The server gave the transaction up, and it was committed then.
        """
        if self._first_end() == TransactionState.ROLLED_BACK and self._gave_up:
            raise SwallowedErrorError(self._error, self._error_at)
        if self._first_end() == TransactionState.ROLLED_BACK:
            raise WorkLostError(self._rolled_back_at)

    def come_back(self) -> TransactionState:
        """See `Transaction.come_back`."""
        if is_autocommitting(self._conn):
            self._note_commit(self._conn)
            self.refuse_lost()  # what a failing attempt has left open is not to be committed
            self._begin_anew()
        try:
            state = self._witness.come_back(self._error_numbers)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            raise SwallowedErrorError(self._error, self._error_at) from error
        if state != TransactionState.OPEN:
            self._ends.append(state)
        self.refuse_lost()
        self._came_back = True
        return self._first_end()

    def roll_back(self, error: BaseException | None) -> Undone:
        """See `Transaction.roll_back`."""
        self.close()
        self._look_for_kept_rows()
        if self._gone and self._witness.has_committed():
            self._ends.append(TransactionState.COMMITTED)
        outside = not self._gone and self._witness.outside()
        if not self._gone:
            self._roll_back(self._error_numbers | self._numbers_of(error))
        if TransactionState.COMMITTED in self._ends:
            return Undone.NOT_WHAT_WAS_COMMITTED
        if outside and TransactionState.ROLLED_BACK in self._ends:
            return Undone.NOT_WHAT_WAS_OUTSIDE
        if self._kept or (not self._gone and self._witness.kept_rows()):
            return Undone.NOT_TABLES_WITHOUT_TRANSACTIONS
        return Undone.ALL

    @property
    def _gone(self) -> bool:
        """Whether the session has ended, which is a rollback too."""
        return self._conn.closed or self._conn.invalidated

    def _roll_back(self, error_numbers: set[int]) -> None:
        self._forget_savepoints()
        if self._gone:
            return
        try:
            state = self._witness.roll_back(error_numbers)
        except DBAPIError as broken:
            if not broken.connection_invalidated:
                # The server refuses a rollback, as in an XA transaction: end the session, and claim
                # nothing of what it leaves.
                self._conn.invalidate(broken)
                self._ends.append(TransactionState.COMMITTED)
            return
        if state != TransactionState.OPEN:
            self._ends.append(state)

    def _forget_savepoints(self) -> None:
        """Leave SQLAlchemy's savepoints: none can be asked once one of them could not be ended."""
        while nested := self._conn.get_nested_transaction():
            with suppress(DBAPIError):
                nested.rollback()

    def _begin_anew(self) -> None:
        """Leave the autocommit mode that the user's code has chosen."""
        if self._conn.in_transaction():
            self._conn.commit()
        leave_autocommit(self._conn)
        self._conn.begin()

    def _first_end(self) -> TransactionState:
        return self._ends[0] if self._ends else TransactionState.OPEN

    def _note_commit(self, conn: Connection) -> None:
        if self._came_back:
            return
        try:
            self._look()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            # The server answers COMMIT with a rollback.
            self._gave_up = self._gave_up or not self._ends
            self._ends.append(TransactionState.ROLLED_BACK)
        else:
            self._ends.append(TransactionState.COMMITTED)

    def _note_rollback(self, conn: Connection) -> None:
        if not self._came_back:
            with suppress(DBAPIError, InvalidRequestError):
                self._look()
            self._ends.append(TransactionState.ROLLED_BACK)
            self._kept_is_known = False
            self._rolled_back_at = self._rolled_back_at or _users_line()

    def _look(self) -> None:
        """Note an end that SQLAlchemy has not seen, before the one that it is about to send."""
        if self._gone or not self._conn.in_transaction():
            return
        state = self._witness.look(self._error_numbers)
        if state != TransactionState.OPEN:
            self._ends.append(state)

    def _look_for_kept_rows(self) -> None:
        """Right after a rollback of the user's: ask what it has left in tables."""
        if self._gone or self._ends[-1:] != [TransactionState.ROLLED_BACK] or self._kept_is_known:
            return
        self._kept_is_known = True
        with suppress(DBAPIError):
            self._kept = self._kept or self._witness.kept_rows()

    def _note_begin(self, conn: Connection) -> None:
        if not self._came_back:
            self._look_for_kept_rows()
            with suppress(DBAPIError):  # in autocommit mode there is nothing to watch
                self._witness.watch()

    def _note_error(self, context: ExceptionContext) -> None:
        if context.connection is not self._conn:
            return
        cause = context.original_exception
        self._error_numbers |= self._numbers_of(cause)
        if not is_consequence(cause):
            self._error, self._error_at = describe(cause), _users_line()
        if context.statement is None and self._ends[-1:] == [TransactionState.COMMITTED]:
            self._ends.pop()  # it was the COMMIT that failed

    def _numbers_of(self, error: BaseException | None) -> set[int]:
        """Return the numbers that the server has given an error of the driver and its causes."""
        of_driver = self._conn.dialect.loaded_dbapi.Error
        errors = [each for each in chain_of(error) if isinstance(each, of_driver)]
        return {number for number in map(error_number, errors) if number is not None}


def _users_line() -> str:
    """Return where the user's code is at, as ``file.py:12``; nothing if it is not on the stack."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(_NOT_THE_USERS):
            return f"{Path(frame.filename).name}:{frame.lineno}"
    return ""
