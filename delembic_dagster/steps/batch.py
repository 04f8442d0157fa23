"""Several migrations in one step, in their order; what one failure does not touch goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

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

    As when each is a step of its own, one that fails keeps only those from running that depend on
    it. Where the fault is nobody's own (the database is gone, another runner holds the lock for
    too long), the rest is not tried.

    Args:
        context: Of the step.
        session: The project.
        steps: In execution order.
        run: `run_in_asset` or `run_in_op`.

    Raises:
        Failure: Not all of them took effect.
    """
    graph = session.project.graph
    failures: dict[str, MigrationFailure] = {}
    not_run: dict[str, list[str]] = {}
    for step in steps:
        id_ = step.revision.id
        waits_for = [n for n in graph.dependencies(id_) if n in failures or n in not_run]
        if waits_for or _is_over(failures):
            not_run[id_] = waits_for or [*failures][-1:]
            continue
        try:
            yield from run(context, session, step)
        except MigrationFailure as failure:
            context.log.log(logging.ERROR, failure.description)
            failures[id_] = failure
    if failures:
        raise failure_of_several([*failures.values()], not_run)


def _is_over(failures: dict[str, MigrationFailure]) -> bool:
    return any(not failure.is_its_own for failure in failures.values())
