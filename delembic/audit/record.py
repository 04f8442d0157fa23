"""All that is known of one revision: its file, where it stands, and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from delembic.audit.attempts import Attempt
from delembic.audit.marks import Mark
from delembic.audit.standing import Standing, standing_without_file
from delembic.revisions.graph import Graph
from delembic.revisions.source import Revision


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """One revision with all its attempts and its last verifications.

    Attributes:
        standing: Its state.
        source: What its file says now; ``None`` if the project no longer has the file.
        applied_checksum: SHA-256 of the file that took effect; ``None`` if none has, or if
            delembic 1.x applied it, which kept no checksums.
        attempts: Oldest first.
        verifications: The last ten, oldest first.
    """

    standing: Standing
    source: Revision | None
    applied_checksum: str | None
    attempts: tuple[Attempt, ...]
    verifications: tuple[Attempt, ...] = ()

    @property
    def changed(self) -> bool | None:
        """Whether the file is another than the one that took effect; ``None`` if nobody knows."""
        return self.standing.changed


def make_record(
    standings: Sequence[Standing],
    graph: Graph,
    mark: Mark | None,
    attempts: Sequence[Attempt],
    revision: str,
) -> RevisionRecord:
    """Put together what is known of one revision.

    Args:
        standings: Where all of them stand.
        graph: The files.
        mark: Its own mark.
        attempts: Those at it, oldest first.
        revision: Which one.
    """
    listed = {standing.revision: standing for standing in standings}
    last = attempts[-1] if attempts else None
    return RevisionRecord(
        listed.get(revision) or standing_without_file(revision, mark, last),
        graph.get(revision),
        mark.checksum if mark and mark.applied else None,
        tuple(attempts),
    )
