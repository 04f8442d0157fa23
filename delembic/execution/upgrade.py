"""Many revisions, one after the other."""

from __future__ import annotations

from functools import partial

from delembic.events import Outcome, Planned
from delembic.execution.attempt import attempt
from delembic.execution.preflight import Migrations
from delembic.execution.runner import Runner
from delembic.revisions.graph import Graph
from delembic.revisions.plan import Plan


def run_plan(
    runner: Runner, graph: Graph, plan: Plan, migrations: Migrations
) -> tuple[Outcome, ...]:
    """Run the steps of a plan in order, up to the first that does not succeed.

    Args:
        runner: The run.
        graph: All revisions.
        plan: What to run.
        migrations: An instance for each step, from `preflight`.

    Returns:
        How each step ended.

    Raises:
        DelembicError: See `delembic.execution.attempt.attempt`. The steps before it stay applied.
    """
    runner.emit(Planned(tuple(step.id for step in plan.steps)))
    return tuple(
        attempt(runner, step, partial(migrations.__getitem__, step.id), graph.dependencies(step.id))
        for step in plan.steps
    )
