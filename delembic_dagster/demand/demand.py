"""What a tick of a schedule or sensor can request, and what it says about the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from delembic import LogEntry, Operation, Standing, State, Status, commands
from delembic_dagster.demand.prospects import Facts, Outlook, Prospect, foresee
from delembic_dagster.demand.runs import TickContext, UnfinishedRun, unfinished_runs
from delembic_dagster.steps.pending import Pending, find_pending
from delembic_dagster.translation.migrations import Migrations

_NEVER_TRIED = {State.PENDING, State.BLOCKED}


@dataclass(frozen=True, slots=True)
class Demand:
    """The selected migrations that are not applied, at one moment.

    Attributes:
        outlooks: One for each of them, in execution order.
        reload: The advice to reload the code location, if files are newer than the definitions.
    """

    outlooks: tuple[Outlook, ...]
    reload: str | None = None

    @property
    def ready(self) -> list[str]:
        """The revisions to request, in execution order.

        There are none while a run of this Dagster has not ended that is going to run some of the
        migrations: two runs at once would wait for each other. The next tick sees what is left.
        """
        if any(outlook.prospect is Prospect.REQUESTED for outlook in self.outlooks):
            return []
        return [o.revision for o in self.outlooks if o.prospect is Prospect.READY]

    @property
    def text(self) -> str:
        """Where each of the migrations stands, for people."""
        each = "; ".join(outlook.text for outlook in self.outlooks)
        told = f"{each}." if each else "Nothing is pending: all of these migrations are applied."
        return f"{told} {self.reload or ''}".strip()


def find_demand(
    migrations: Migrations, context: TickContext, *, retries_failed: bool = False
) -> Demand:
    """Return what can be requested, according to the files, the database and Dagster.

    If an attempt looks as if it were running, this first settles it if its process is dead.

    Args:
        migrations: The selected migrations, as loaded with the definitions.
        context: The context of the tick, whose Dagster instance is asked for unfinished runs.
        retries_failed: Whether a failed migration may be requested though its file is the same, and
            one with ``stop_after`` though its time was up: so it is for a schedule.

    Raises:
        DelembicError: The files or the database cannot be read.
    """
    pending, held = _settled(migrations.select(None))
    attempts = _last_attempts(migrations, pending.standings)
    graph = migrations.project.graph
    facts = Facts(
        graph,
        {s.revision: graph[s.revision].checksum_now() for s in pending.standings},
        attempts,
        held,
        _requested(migrations, pending, attempts, context),
        retries_failed,
        () if retries_failed else _limited(migrations),
    )
    outlooks = foresee(pending.standings, facts)
    return Demand(tuple(o for o in outlooks if o.revision in migrations), pending.reload)


def _limited(migrations: Migrations) -> frozenset[str]:
    """Return the migrations that stop after some time, whether they are selected or not."""
    everything = migrations.everything.items()
    return frozenset(id_ for id_, item in everything if item.settings.stop_after is not None)


def _settled(migrations: Migrations) -> tuple[Pending, frozenset[str]]:
    """Return what is pending once dead attempts are settled, and what living runners hold."""
    pending = find_pending(migrations)
    if all(standing.state != State.RUNNING for standing in pending.standings):
        return pending, frozenset()
    # One lock may stand for all revisions, so not only those that are running can be held.
    held = commands.settle(migrations.project.config, pending.revisions)
    return find_pending(migrations), held


def _last_attempts(migrations: Migrations, standings: Sequence[Standing]) -> dict[str, LogEntry]:
    attempts: dict[str, LogEntry] = {}
    for standing in standings:
        if standing.state not in _NEVER_TRIED:
            latest = commands.runs(
                migrations.project.config,
                standing.revision,
                operation=Operation.UPGRADE,
                limit=1,
            )
            attempts |= {entry.revision: entry for entry in latest}
    return attempts


def _requested(
    migrations: Migrations,
    pending: Pending,
    attempts: Mapping[str, LogEntry],
    context: TickContext,
) -> dict[str, str]:
    keys = {migrations[id_].spec.key: id_ for id_ in pending.revisions if id_ in migrations}
    runs: list[UnfinishedRun] = unfinished_runs(context, keys)
    # Dagster may not have noticed that the process of a run has died. The audit log has.
    dead = {a.executor_run_id for a in attempts.values() if a.status == Status.INTERRUPTED}
    return {keys[key]: str(run) for run in runs if run.run_id not in dead for key in run.keys}
