"""Runs several migrations in one step; those that do not depend on a failed one are still run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from delembic import Progression
from delembic_dagster.steps.failures import MigrationFailure, failure_of_several
from delembic_dagster.steps.session import Context, RunSession
from delembic_dagster.steps.step import Step

_Result = TypeVar("_Result")


def run_steps(
    context: Context,
    session: RunSession,
    steps: Sequence[Step],
    run: Callable[[Context, RunSession, Step], Iterator[_Result]],
) -> Iterator[_Result]:
    """Run migrations one after the other, and yield the results of each as it ends.

    If one fails, only those that depend on it are not run, as if each were a step of its own. If
    the cause affects all of them (the database is gone, or another run holds the lock for too
    long), the rest is not attempted.

    Args:
        context: The context of the step.
        session: The session of the run.
        steps: The migrations, in execution order.
        run: `run_in_asset` or `run_in_op`.

    Raises:
        Failure: Not all migrations took effect.
    """
    graph = session.project.graph
    by_revision = {step.revision.id: step for step in steps}
    progression = Progression({id_: graph.dependencies(id_) for id_ in by_revision})
    failures: list[MigrationFailure] = []
    for id_ in progression.one_by_one():
        try:
            yield from run(context, session, by_revision[id_])
        except MigrationFailure as failure:
            context.log.log(logging.ERROR, failure.description)
            failures.append(failure)
            progression.fail(id_)
            if not failure.is_its_own:
                progression.halt()
        else:
            progression.succeed(id_)
    if failures:
        raise failure_of_several(failures, progression.held_up)
