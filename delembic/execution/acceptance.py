"""Takes files as they are now for the ones that were applied.

Nothing is run, and no state changes. Only the checksum in the mark does, and a log entry says who
accepted which one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from delembic.audit.marks import Mark, accept_checksum
from delembic.audit.stopwatch import Stopwatch
from delembic.errors import NotAcceptableError
from delembic.execution.run import Run
from delembic.revisions.graph import Graph
from delembic.revisions.source import Revision
from delembic.status import Operation, Status

_NOT_APPLIED = "it is not applied"
_NO_FILE = "its file is gone"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A file that counts as the one that was applied.

    Attributes:
        revision: Its revision.
        checksum: SHA-256 of its text, in hexadecimal.
        replaced: The checksum that was recorded before; ``None`` if there was none, as delembic 1.x
            stored none.
        history_id: The log entry; ``None`` if there was nothing to accept, because the file has not
            changed.
    """

    revision: str
    checksum: str
    replaced: str | None
    history_id: int | None

    @property
    def is_new(self) -> bool:
        """Whether something was recorded, because the file had changed."""
        return self.history_id is not None


def refuse_unacceptable(
    graph: Graph, marks: Mapping[str, Mark], revisions: Collection[str]
) -> None:
    """Check everything that can be checked before anything is written.

    Raises:
        UnknownRevisionError: A revision is neither in the files nor applied.
        NotAcceptableError: A revision is not applied, or its file is gone.
    """
    obstacles = {id_: _obstacle(graph, marks.get(id_), id_) for id_ in revisions}
    if found := {id_: obstacle for id_, obstacle in obstacles.items() if obstacle}:
        raise NotAcceptableError(found)


def unchanged(revision: Revision, mark: Mark) -> Acceptance | None:
    """Return the acceptance of a file that needs none; ``None`` if it has changed."""
    if mark.differs_from(revision) is not False:
        return None
    return Acceptance(revision.id, revision.checksum, mark.checksum, None)


def accept(run: Run, graph: Graph, revision: str) -> Acceptance:
    """Record that a file counts as the one that was applied, unless it does already.

    The entry comes before the mark, so that no acceptance is without one.

    Raises:
        NotAcceptableError: The revision is not applied any more.
        LockTimeoutError: A run held the lock of the revision for too long.
    """
    source = graph[revision]
    with run.holding(revision):
        mark = run.mark(revision)
        if mark is None or not mark.applied:
            raise NotAcceptableError({revision: _NOT_APPLIED})
        if nothing_to_do := unchanged(source, mark):
            return nothing_to_do
        entry = run.ledger.noted(Operation.ACCEPT, source, Status.SUCCESS, Stopwatch())
        if not accept_checksum(run.home, revision, source.checksum):
            raise NotAcceptableError({revision: _NOT_APPLIED})
        return Acceptance(revision, source.checksum, mark.checksum, entry.id)


def _obstacle(graph: Graph, mark: Mark | None, revision: str) -> str | None:
    applied = mark is not None and mark.applied
    if applied:
        return None if revision in graph else _NO_FILE
    graph.require(revision)
    return _NOT_APPLIED
