"""What can be requested, decided from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from delembic import Graph, LogEntry, Progress, Standing, State, commands
from delembic_dagster.demand.prospects import Facts, Prospect, foresee
from support.projects import ProjectFolder

AT = datetime(2026, 1, 1, tzinfo=UTC)
OLD_CHECKSUM = "0" * 64


@pytest.fixture
def graph(files: ProjectFolder) -> Graph:
    """D002 depends on D001, and D003 depends on nothing."""
    files.migration("D001")
    files.migration("D002", depends_on=("D001",))
    files.migration("D003")
    return commands.read_graph(files.config)


def facts(graph: Graph) -> Facts:
    return Facts(graph, {id_: revision.checksum for id_, revision in graph.items()})


def attempt(graph: Graph, revision: str, status: str) -> LogEntry:
    return LogEntry(1, revision, status, AT, checksum=graph[revision].checksum)


def outlook_of(state: State, known: Facts) -> tuple[str, str]:
    (outlook,) = foresee([Standing("D001", "", state)], known)
    return outlook.prospect, outlook.text


@pytest.mark.parametrize(
    ("state", "text"),
    [(State.PENDING, "D001 is pending"), (State.INTERRUPTED, "D001 was interrupted")],
)
def test_what_is_pending_or_interrupted_is_ready(graph: Graph, state: State, text: str) -> None:
    assert outlook_of(state, facts(graph)) == (Prospect.READY, text)


def test_what_failed_is_ready_again_only_with_another_file(graph: Graph) -> None:
    failed = attempt(graph, "D001", "failed")
    of_this_file = replace(facts(graph), attempts={"D001": failed})
    of_another = replace(of_this_file, attempts={"D001": replace(failed, checksum=OLD_CHECKSUM)})

    assert outlook_of(State.FAILED, of_this_file)[0] == Prospect.FAILED
    assert outlook_of(State.FAILED, of_another)[0] == Prospect.READY
    assert outlook_of(State.FAILED, replace(of_this_file, retries_failed=True)) == (
        Prospect.READY,
        "D001 failed",
    )


def test_what_runs_is_told_from_what_is_only_locked_and_from_what_is_requested(
    graph: Graph,
) -> None:
    known = facts(graph)

    assert outlook_of(State.RUNNING, known) == (Prospect.RUNNING, "D001 is running")
    assert outlook_of(State.PENDING, replace(known, held={"D001"})) == (
        Prospect.RUNNING,
        "D001 cannot begin: another run holds its lock",
    )
    assert outlook_of(State.PENDING, replace(known, requested={"D001": "run 7"})) == (
        Prospect.REQUESTED,
        "D001 is in run 7",
    )


def test_what_depends_on_something_not_ready_waits_and_the_rest_does_not(graph: Graph) -> None:
    unapplied = [Standing(id_, "", State.PENDING) for id_ in graph]
    known = replace(facts(graph), held={"D001"})

    assert [outlook.text for outlook in foresee(unapplied, known)][1:] == [
        "D002 waits for D001",
        "D003 is pending",
    ]


def test_a_dependency_that_will_be_requested_too_is_no_reason_to_wait(graph: Graph) -> None:
    unapplied = [
        Standing("D001", "", State.INTERRUPTED),
        Standing("D002", "", State.BLOCKED, waits_for=("D001",)),
    ]

    assert {outlook.prospect for outlook in foresee(unapplied, facts(graph))} == {Prospect.READY}


def test_a_missing_revision_of_alembic_is_a_reason_to_wait(graph: Graph) -> None:
    (outlook,) = foresee([Standing("D003", "", State.BLOCKED, waits_for=("S1",))], facts(graph))

    assert (outlook.prospect, outlook.text) == (Prospect.WAITING, "D003 waits for S1")


def test_what_is_paused_goes_on_unless_somebody_holds_it_or_it_has_a_limit(graph: Graph) -> None:
    known = facts(graph)

    def paused(known: Facts, *, held: bool) -> tuple[str, str]:
        progress = Progress("D001", rows=1, held=held)
        (outlook,) = foresee([Standing("D001", "", State.PAUSED, progress=progress)], known)
        return outlook.prospect, outlook.text

    assert paused(known, held=False) == (Prospect.READY, "D001 is paused, and can go on")
    assert paused(known, held=True) == (
        Prospect.PAUSED,
        "D001 is paused: somebody has to run 'delembic resume D001'",
    )
    assert paused(replace(known, limited={"D001"}), held=False) == (
        Prospect.PAUSED,
        "D001 is paused: its time was up, and a schedule or a run that somebody starts goes on"
        " with it",
    )


def test_what_depends_on_something_paused_waits(graph: Graph) -> None:
    progress = Progress("D001", held=True)
    unapplied = [
        Standing("D001", "", State.PAUSED, progress=progress),
        Standing("D002", "", State.BLOCKED, waits_for=("D001",)),
    ]

    assert foresee(unapplied, facts(graph))[1].text == "D002 waits for D001"
