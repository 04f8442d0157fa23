"""The progress of a piece of work, from which its outcome is determined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from delembic.events import Progress
from delembic.status import Phase, Undone


@dataclass(slots=True)
class Course:
    """The progress of a piece of work. It is written during the work and read after its end.

    Attributes:
        phase: The last phase that was begun.
        transaction_id: The server's number of the transaction, where a lost commit can be traced.
        rows_affected: Rows inserted, updated and deleted so far; ``None`` once nobody can tell.
        findings: The metadata that the migration has given.
        undone: After a failure: what of it has been rolled back.
        lost: After a failure: whether the connection to the server was lost.
        progress: How many of its batches are committed; ``None`` if it has none.
    """

    phase: Phase = Phase.BEGIN
    transaction_id: int | None = None
    rows_affected: int | None = 0
    findings: dict[str, Any] = field(default_factory=dict)
    undone: Undone = Undone.ALL
    lost: bool = False
    progress: Progress | None = None

    @property
    def may_have_committed(self) -> bool:
        """Whether a commit was requested, so that only the mark shows whether it succeeded."""
        return self.phase == Phase.COMMIT
