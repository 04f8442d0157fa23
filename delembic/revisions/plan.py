"""Plans which revisions to run, and in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from delembic.revisions.graph import Graph
from delembic.revisions.source import Revision


@dataclass(frozen=True, slots=True)
class Plan:
    """The revisions to run.

    Attributes:
        steps: The pending revisions, each after all that it depends on.
        external: The names in ``depends_on`` that are not migrations of this project, each with the
            steps that need it. They are assumed to be Alembic revisions.
    """

    steps: tuple[Revision, ...]
    external: Mapping[str, tuple[str, ...]]


def make_plan(graph: Graph, applied: Collection[str], target: str = "head") -> Plan:
    """Plan a target and its dependencies, without the revisions that are already applied.

    Args:
        graph: All revisions.
        applied: The ids of the applied revisions.
        target: ``head`` for all revisions, or one revision.

    Raises:
        UnknownRevisionError: There is no such target.
    """
    wanted = graph.upto(target)
    return _plan(graph, applied, [r for r in graph.values() if r.id in wanted])


def make_single_plan(graph: Graph, applied: Collection[str], revision: str) -> Plan:
    """Plan one revision without its dependencies, which the caller is responsible for.

    Raises:
        UnknownRevisionError: There is no such revision.
    """
    return _plan(graph, applied, [graph.require(revision)])


def _plan(graph: Graph, applied: Collection[str], wanted: list[Revision]) -> Plan:
    steps = tuple(revision for revision in wanted if revision.id not in applied)
    external = defaultdict[str, list[str]](list)
    for step in steps:
        for name in step.depends_on:
            # A name that is marked as applied is a migration whose file was removed later.
            if name not in graph and name not in applied:
                external[name].append(step.id)
    return Plan(steps, {name: tuple(users) for name, users in external.items()})
