"""What keeps a migration that is not applied from being requested: decided from facts alone.

Nothing is read or written here. `delembic_dagster.demand.demand` collects the facts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from delembic import Graph, LogEntry, Standing, State


class Prospect(StrEnum):
    """Whether a migration can be requested, or what keeps it from that."""

    READY = "ready"
    """It can be run now, or after others that are ready."""

    RUNNING = "running"
    """A living runner holds it, in Dagster or elsewhere."""

    REQUESTED = "requested"
    """A run of this Dagster that has not ended is going to run it."""

    FAILED = "failed"
    """It failed in this version of its file."""

    PAUSED = "paused"
    """It works in batches, has stopped before its end, and is not to go on by itself."""

    WAITING = "waiting"
    """It waits for migrations that are not ready, or for revisions of Alembic."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """One migration that is not applied.

    Attributes:
        revision: The migration.
        prospect: Whether it can be requested.
        text: The same for people, with its reason, such as ``D002 waits for D001``.
    """

    revision: str
    prospect: Prospect
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the decision depends on.

    Attributes:
        graph: The migrations, as loaded with the definitions.
        checksums: The checksum of each file as it is now.
        attempts: The last attempt at each migration that is not applied, if there was one.
        held: The migrations whose lock a living runner holds.
        requested: The run of this Dagster that is going to run a migration, described for people.
        retries_failed: Whether a failed migration may be requested in the same version of its file.
        limited: The migrations that stop after some time, and go on when a schedule says so.
    """

    graph: Graph
    checksums: Mapping[str, str]
    attempts: Mapping[str, LogEntry] = field(default_factory=dict)
    held: Collection[str] = ()
    requested: Mapping[str, str] = field(default_factory=dict)
    retries_failed: bool = False
    limited: Collection[str] = ()


def foresee(unapplied: Iterable[Standing], facts: Facts) -> list[Outlook]:
    """Return the outlook of each migration that is not applied.

    Args:
        unapplied: All migrations of the project that are not applied, in execution order.
        facts: The facts.

    Example:
        >>> from delembic import Config, commands
        >>> config = Config.find("example_project")
        >>> graph = commands.read_graph(config)
        >>> facts = Facts(graph, {id_: each.checksum for id_, each in graph.items()})
        >>> running = Standing("D001", "", State.RUNNING)
        >>> for outlook in foresee([running, Standing("D002", "", State.PENDING)], facts):
        ...     print(outlook.text)
        D001 is running
        D002 waits for D001
    """
    outlooks: dict[str, Outlook] = {}
    for standing in unapplied:
        not_ready = [
            name
            for name in facts.graph.dependencies(standing.revision)
            if name in outlooks and outlooks[name].prospect is not Prospect.READY
        ]
        outlooks[standing.revision] = _outlook(standing, facts, not_ready)
    return [*outlooks.values()]


def _outlook(standing: Standing, facts: Facts, not_ready: Sequence[str]) -> Outlook:
    id_ = standing.revision
    if standing.state == State.RUNNING or id_ in facts.held:
        return Outlook(id_, Prospect.RUNNING, f"{id_} {_running(standing, facts)}")
    if id_ in facts.requested:
        return Outlook(id_, Prospect.REQUESTED, f"{id_} is in {facts.requested[id_]}")
    failed_so = standing.state == State.FAILED and _is_of_this_file(id_, facts)
    if failed_so and not facts.retries_failed:
        return Outlook(id_, Prospect.FAILED, f"{id_} failed, and its file has not changed since")
    if standing.state == State.PAUSED and (reason := _why_paused(standing, facts)):
        return Outlook(id_, Prospect.PAUSED, f"{id_} is paused: {reason}")
    awaited = [*not_ready, *(name for name in standing.waits_for if name not in facts.graph)]
    if awaited:
        return Outlook(id_, Prospect.WAITING, f"{id_} waits for {', '.join(awaited)}")
    return Outlook(id_, Prospect.READY, f"{id_} {_ready(standing, failed_so)}")


def _running(standing: Standing, facts: Facts) -> str:
    if standing.state != State.RUNNING:
        return "cannot begin: another run holds its lock"
    attempt = facts.attempts.get(standing.revision)
    return f"is running: {attempt.who}" if attempt else "is running"


def _why_paused(standing: Standing, facts: Facts) -> str:
    """Return why a paused migration is not to go on; empty if it is."""
    if standing.progress and standing.progress.held:
        return f"somebody has to run 'delembic resume {standing.revision}'"
    if standing.revision in facts.limited:
        return "its time was up, and a schedule or a run that somebody starts goes on with it"
    return ""


def _ready(standing: Standing, failed_so: bool) -> str:
    match standing.state:
        case State.FAILED if failed_so:
            return "failed"
        case State.FAILED:
            return "failed, and its file has changed since"
        case State.INTERRUPTED:
            return "was interrupted"
        case State.PAUSED:
            return "is paused, and can go on"
    return "is pending"


def _is_of_this_file(revision: str, facts: Facts) -> bool:
    """Return whether the last attempt ran the file as it is now."""
    attempt = facts.attempts.get(revision)
    return attempt is not None and attempt.checksum == facts.checksums.get(revision)
