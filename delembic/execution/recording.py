"""Writing to the audit log at the end of an attempt, which may fail as everything else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from delembic.audit.entries import LogEntry
from delembic.causes import describe
from delembic.errors import CommitInDoubtError, MigrationFailedError
from delembic.events import RecordDelayed
from delembic.execution.run import Run


class Recording:
    """Leaves the end of an entry to the next run, if it cannot be written now.

    Args:
        run: The run, which tells of the delay.
        entry: The entry that the block writes to.

    Attributes:
        failed: Whether it could not be written.
    """

    def __init__(self, run: Run, entry: LogEntry) -> None:
        self.failed = False
        self._run = run
        self._entry = entry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        # Whatever a driver raises: it must not hide the migration's own error.
        if not isinstance(error, Exception) or isinstance(
            error, CommitInDoubtError | MigrationFailedError
        ):
            return False
        self.failed = True
        self._run.emit(RecordDelayed(self._entry.revision, self._entry.id, describe(error)))
        return True
