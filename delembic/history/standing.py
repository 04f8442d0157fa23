"""Where each revision stands, derived from the files, the marks and the last attempts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from delembic.audit.checkpoints import Checkpoint
from delembic.audit.entries import LogEntry
from delembic.audit.marks import Mark, applied_without_file
from delembic.events import Progress
from delembic.revisions.graph import Graph
from delembic.status import State, Status

_NO_CHECKPOINTS: Mapping[str, Checkpoint] = {}
_STATES = {
    Status.FAILED: State.FAILED,
    Status.RUNNING: State.RUNNING,
    Status.INTERRUPTED: State.INTERRUPTED,
    Status.PAUSED: State.PAUSED,
}
_STOPPED = frozenset({State.FAILED, State.INTERRUPTED, State.PAUSED, State.BLOCKED})


@dataclass(frozen=True, slots=True)
class Standing:
    """One revision and where it stands.

    Attributes:
        revision: The id of the revision.
        description: Its description. If its file is gone, this is the description when it ran.
        state: ``applied``, ``failed``, ``running``, ``interrupted``, ``paused``, ``pending`` or
            ``blocked``.
        applied_at: When it took effect, in UTC; ``None`` unless it is applied.
        waits_for: The revisions that block it: ones that did not succeed, or missing Alembic
            revisions.
        has_file: Whether the project still has its file.
        changed: Whether the file has changed since it was applied; ``None`` if that is unknown,
            or if the revision is not applied.
        progress: How far it has come, if it works in batches and has begun; ``None`` if not, or if
            it is applied.
    """

    revision: str
    description: str
    state: State
    applied_at: datetime | None = None
    waits_for: tuple[str, ...] = ()
    has_file: bool = True
    changed: bool | None = None
    progress: Progress | None = None

    def with_progress(self, checkpoint: Checkpoint | None) -> Standing:
        """Return it with how far it has come, by its checkpoint if there is one.

        Somebody may have paused it since its last attempt.
        """
        if self.state == State.APPLIED or checkpoint is None:
            return self
        if not checkpoint.has_begun:  # it was restarted, so nothing is paused any more
            return replace(self, state=State.PENDING) if self.state == State.PAUSED else self
        is_stopped = checkpoint.is_held and self.state != State.RUNNING
        state = State.PAUSED if is_stopped else self.state
        return replace(self, state=state, progress=checkpoint.progress)


def standings(
    graph: Graph,
    marks: Mapping[str, Mark],
    latest: Mapping[str, LogEntry],
    missing_schema: Collection[str] = (),
    checkpoints: Mapping[str, Checkpoint] = _NO_CHECKPOINTS,
) -> list[Standing]:
    """Return every revision in execution order; applied ones whose files are gone come first.

    Args:
        graph: The revisions in the files.
        marks: The marks, by revision.
        latest: The last attempt at each revision.
        missing_schema: The Alembic revisions that are needed and not applied.
        checkpoints: How far migrations in batches have come.
    """
    states: dict[str, Standing] = {}
    for revision in graph.values():
        mark = marks.get(revision.id)
        standing = _standing(
            revision.id,
            revision.description,
            mark,
            latest.get(revision.id),
            [name for name in graph.dependencies(revision.id) if states[name].state in _STOPPED]
            + [name for name in revision.depends_on if name in missing_schema],
        )
        changed = mark.differs_from(revision) if mark else None
        standing = standing.with_progress(checkpoints.get(revision.id))
        states[revision.id] = replace(standing, changed=changed)
    return [*_without_file(graph, marks, latest), *states.values()]


def standing_without_file(revision: str, mark: Mark | None, last: LogEntry | None) -> Standing:
    """Return where a recorded revision stands whose file is gone."""
    description = (last.description if last else None) or ""
    return replace(_standing(revision, description, mark, last, []), has_file=False)


def applied_heads(graph: Graph, all_of_them: Sequence[Standing]) -> list[Standing]:
    """Return the applied revisions that no other applied one depends on."""
    applied = [standing for standing in all_of_them if standing.state == State.APPLIED]
    waited_for = {
        name for standing in applied if standing.has_file
        for name in graph[standing.revision].depends_on
    }  # fmt: skip
    return [standing for standing in applied if standing.revision not in waited_for]


def _standing(
    revision: str,
    description: str,
    mark: Mark | None,
    last: LogEntry | None,
    waits_for: list[str],
) -> Standing:
    if mark and mark.applied:
        return Standing(revision, description, State.APPLIED, mark.applied_at)
    # The last attempt takes precedence: a later interruption does not change a failure's mark.
    status = last.status if last else mark.status if mark else None
    if last and last.attempt_id is None and status == Status.RUNNING:
        status = Status.INTERRUPTED  # from delembic 1.x; no run will settle it
    if status in _STATES:
        return Standing(revision, description, _STATES[Status(status)])
    if waits_for:
        return Standing(revision, description, State.BLOCKED, waits_for=tuple(waits_for))
    return Standing(revision, description, State.PENDING)


def _without_file(
    graph: Graph, marks: Mapping[str, Mark], latest: Mapping[str, LogEntry]
) -> Iterator[Standing]:
    for revision in applied_without_file(marks, graph):
        yield standing_without_file(revision, marks[revision], latest.get(revision))
