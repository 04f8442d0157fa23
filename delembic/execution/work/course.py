"""How far a piece of work has come, for whoever has to say what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from delembic.status import Phase, Undone


@dataclass(slots=True)
class Course:
    """Written while the work is done, and read when it has ended in whatever way.

    Attributes:
        phase: The last phase that was begun.
        transaction_id: The server's number of the transaction, where a lost commit can be traced.
        rows_affected: Rows inserted, updated and deleted so far, as far as the driver tells.
        undone: After a failure: what of it has been rolled back.
        lost: After a failure: whether the connection to the server was lost.
    """

    phase: Phase = Phase.BEGIN
    transaction_id: int | None = None
    rows_affected: int = 0
    undone: Undone = Undone.ALL
    lost: bool = False

    @property
    def may_have_committed(self) -> bool:
        """Whether a commit was asked for, so that only the mark can tell what became of it."""
        return self.phase == Phase.COMMIT
