"""Everything that is known about one revision: its file, its state, and its log entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from delembic.audit.entries import LogEntry
from delembic.audit.marks import Mark
from delembic.database.opening import Database
from delembic.errors import UnknownRevisionError
from delembic.history.log import open_log, read_entries
from delembic.history.standing import Standing, standing_without_file
from delembic.history.survey import Survey
from delembic.revisions.source import Revision
from delembic.status import Operation

_LAST_VERIFICATIONS = 10
"""Limited, because hourly verifications would bury the attempts."""


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """One revision with all its attempts and its last verifications.

    Attributes:
        standing: Where the revision stands.
        source: The contents of its file now; ``None`` if the file is gone.
        applied_checksum: SHA-256 of the file that was applied, or that was accepted in its place;
            ``None`` if the revision is not applied, or if delembic 1.x applied it without storing a
            checksum.
        attempts: All attempts, oldest first.
        verifications: The last ten verifications, oldest first.
        acceptances: When its file was taken as it was for the one that was applied, oldest first.
    """

    standing: Standing
    source: Revision | None
    applied_checksum: str | None
    attempts: tuple[LogEntry, ...]
    verifications: tuple[LogEntry, ...] = ()
    acceptances: tuple[LogEntry, ...] = ()

    @property
    def changed(self) -> bool | None:
        """Whether the file has changed since it was applied; ``None`` if that is unknown."""
        return self.standing.changed


def read_record(database: Database, survey: Survey, revision: str) -> RevisionRecord:
    """Read everything that is known about one revision. Writes nothing.

    Args:
        database: The project's engines.
        survey: Where all revisions stand.
        revision: The revision to read about.

    Raises:
        UnknownRevisionError: The revision has neither a file nor a record.
    """
    with open_log(database) as (conn, share):
        attempts = read_entries(conn, share, [revision], operation=Operation.UPGRADE)[::-1]
        verifications = read_entries(
            conn, share, [revision], limit=_LAST_VERIFICATIONS, operation=Operation.VERIFY
        )[::-1]
        acceptances = read_entries(conn, share, [revision], operation=Operation.ACCEPT)[::-1]
    if revision not in survey.graph and revision not in survey.marks and not attempts:
        raise UnknownRevisionError(revision, [*survey.graph, *survey.marks])
    mark = survey.marks.get(revision)
    return RevisionRecord(
        _standing(survey, revision, mark, attempts),
        survey.graph.get(revision),
        _applied_checksum(mark, survey.graph.get(revision)),
        tuple(attempts),
        tuple(verifications),
        tuple(acceptances),
    )


def _applied_checksum(mark: Mark | None, source: Revision | None) -> str | None:
    if mark is None or not mark.applied or mark.checksum is None:
        return None
    return source.canonical(mark.checksum) if source else mark.checksum


def _standing(
    survey: Survey, revision: str, mark: Mark | None, attempts: Sequence[LogEntry]
) -> Standing:
    listed = {standing.revision: standing for standing in survey.standings}
    last = attempts[-1] if attempts else None
    return listed.get(revision) or standing_without_file(revision, mark, last)
