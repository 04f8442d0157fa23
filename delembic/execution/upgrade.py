"""Runs the revisions of a plan, one after the other."""

from __future__ import annotations

from functools import partial

from delembic.errors import TimeIsUpError
from delembic.events import Outcome, Planned
from delembic.execution.attempt import attempt
from delembic.execution.preflight import Migrations
from delembic.execution.run import Run
from delembic.revisions.graph import Graph
from delembic.revisions.plan import Plan
from delembic.revisions.progression import Progression


def run_plan(run: Run, graph: Graph, plan: Plan, migrations: Migrations) -> tuple[Outcome, ...]:
    """Run the steps of a plan in order, and stop at the first failure.

    Args:
        run: The run.
        graph: All revisions.
        plan: The plan to run.
        migrations: An instance for each step, from `preflight`.

    Returns:
        How each step ended.

    Raises:
        TimeIsUpError: The run was to stop before the rest of the steps.
        DelembicError: See `delembic.execution.attempt.attempt`. The steps before it stay applied.
    """
    steps = [step.id for step in plan.steps]
    run.emit(Planned(tuple(steps)))
    progression = Progression({id_: graph.dependencies(id_) for id_ in steps})
    outcomes: list[Outcome] = []
    for id_ in progression.one_by_one():
        if run.is_over:
            raise TimeIsUpError(steps[len(outcomes) :])
        make = partial(migrations.__getitem__, id_)
        outcomes.append(attempt(run, graph[id_], make, graph.dependencies(id_)))
        progression.succeed(id_)
    return tuple(outcomes)
