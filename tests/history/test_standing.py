"""Where each revision stands: files, marks and last attempts put together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from delembic.audit.checkpoints import Checkpoint, CheckpointState
from delembic.audit.entries import LogEntry
from delembic.audit.marks import Mark
from delembic.history.standing import Standing, applied_heads, standings
from delembic.revisions.graph import Graph
from delembic.revisions.source import Revision
from delembic.status import State, Status

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def revision(id_: str, *depends_on: str) -> Revision:
    path = Path(f"/{id_}.py")
    return Revision(
        id_, depends_on, f"the work of {id_}", path, 1, "Load", "of the file", validates=False
    )


def mark(
    id_: str,
    status: str = Status.SUCCESS,
    applied_at: datetime | None = THEN,
    checksum: str | None = "of the file",
) -> Mark:
    return Mark(id_, applied_at, status, 1.0, "run", checksum)


def attempt(id_: str, status: str, description: str | None = None) -> LogEntry:
    return LogEntry(1, id_, status, THEN, attempt_id="run", description=description)


def _standings(
    graph: Graph, *facts: Mark | LogEntry, missing_schema: tuple[str, ...] = ()
) -> list[Standing]:
    marks = {fact.revision: fact for fact in facts if isinstance(fact, Mark)}
    latest = {fact.revision: fact for fact in facts if isinstance(fact, LogEntry)}
    return standings(graph, marks, latest, missing_schema)


CHAIN = Graph([revision("D001"), revision("D002", "D001"), revision("D003", "D002")])
ALONE = Graph([revision("D001")])


class TestState:
    @pytest.mark.parametrize(
        ("facts", "state"),
        [
            ([], State.PENDING),
            ([mark("D001")], State.APPLIED),
            ([mark("D001"), attempt("D001", "success")], State.APPLIED),
            ([mark("D001"), attempt("D001", "running")], State.APPLIED),
            ([mark("D001"), attempt("D001", "interrupted")], State.APPLIED),
            ([mark("D001", "failed"), attempt("D001", "failed")], State.FAILED),
            ([mark("D001", "failed")], State.FAILED),
            ([attempt("D001", "running")], State.RUNNING),
            ([mark("D001", "failed"), attempt("D001", "running")], State.RUNNING),
            ([mark("D001", "failed"), attempt("D001", "interrupted")], State.INTERRUPTED),
            ([attempt("D001", "blocked")], State.PENDING),
            ([attempt("D001", "success")], State.PENDING),
            ([attempt("D001", "a word of the future")], State.PENDING),
        ],
    )
    def test_the_mark_of_a_success_decides_then_the_last_attempt(
        self, facts: list[Mark | LogEntry], state: State
    ) -> None:
        (standing,) = _standings(ALONE, *facts)

        assert standing.state == state

    def test_a_row_that_delembic_1_left_running_is_of_a_runner_that_is_gone(self) -> None:
        left = LogEntry(1, "D001", "running", THEN)

        (standing,) = _standings(ALONE, left)

        assert standing.state == State.INTERRUPTED

    def test_what_is_applied_says_when(self) -> None:
        (standing,) = _standings(ALONE, mark("D001"))

        assert standing.applied_at == THEN

    @pytest.mark.parametrize(
        ("facts", "changed"),
        [
            ([], None),
            ([mark("D001", checksum=None)], None),
            ([mark("D001", checksum="of the file")], False),
            ([mark("D001", checksum="of another")], True),
            ([mark("D001", "failed", checksum="of another")], None),
        ],
    )
    def test_what_is_applied_says_whether_its_file_is_another_now(
        self, facts: list[Mark], changed: bool | None
    ) -> None:
        (standing,) = _standings(ALONE, *facts)

        assert standing.changed is changed

    def test_a_failure_is_not_said_to_be_applied_at_a_time(self) -> None:
        (standing,) = _standings(ALONE, mark("D001", "failed"))

        assert standing.applied_at is None


class TestBlocking:
    @pytest.mark.parametrize("status", ["failed", "interrupted"])
    def test_what_did_not_succeed_blocks_all_that_depends_on_it(self, status: str) -> None:
        entries = _standings(CHAIN, mark("D001"), attempt("D002", status))

        assert [entry.state for entry in entries] == ["applied", status, "blocked"]
        assert [entry.waits_for for entry in entries] == [(), (), ("D002",)]

    def test_it_reaches_from_one_to_the_next(self) -> None:
        entries = _standings(CHAIN, attempt("D001", "failed"))

        assert [entry.waits_for for entry in entries] == [(), ("D001",), ("D002",)]

    def test_what_is_pending_or_at_work_blocks_nothing(self) -> None:
        entries = _standings(CHAIN, attempt("D001", "running"))

        assert [entry.state for entry in entries] == ["running", "pending", "pending"]

    def test_what_is_applied_is_blocked_by_nothing(self) -> None:
        entries = _standings(
            CHAIN, mark("D002"), attempt("D001", "failed"), missing_schema=("D001",)
        )

        assert [entry.state for entry in entries] == ["failed", "applied", "pending"]

    def test_a_missing_schema_revision_blocks_and_is_named_last(self) -> None:
        graph = Graph([revision("D001"), revision("D002", "S001", "D001", "S002")])

        entries = _standings(graph, attempt("D001", "failed"), missing_schema=("S001",))

        assert entries[1].state == "blocked"
        assert entries[1].waits_for == ("D001", "S001")


class TestWithoutFile:
    def test_applied_revisions_whose_files_are_gone_come_first_by_age(self) -> None:
        entries = _standings(
            ALONE,
            mark("X2", applied_at=THEN),
            mark("X1", applied_at=THEN + timedelta(days=1)),
            mark("X3", applied_at=None),
            mark("X0", "failed"),
            attempt("X2", "success", "what it was then"),
        )

        assert [entry.revision for entry in entries] == ["X3", "X2", "X1", "D001"]
        assert entries[1] == Standing("X2", "what it was then", State.APPLIED, THEN, has_file=False)
        assert entries[0].description == ""

    def test_the_others_keep_the_order_of_execution(self) -> None:
        graph = Graph([revision("D001", "D002"), revision("D002")])

        assert [entry.revision for entry in _standings(graph)] == ["D002", "D001"]


class TestHeads:
    def test_they_are_the_applied_ones_that_no_other_applied_one_depends_on(self) -> None:
        entries = _standings(CHAIN, mark("D001"), mark("D002"))

        assert [entry.revision for entry in applied_heads(CHAIN, entries)] == ["D002"]

    def test_on_two_branches_there_are_two(self) -> None:
        graph = Graph([revision("D001"), revision("D002", "D001"), revision("D003", "D001")])
        entries = _standings(graph, mark("D001"), mark("D002"), mark("D003"))

        assert [entry.revision for entry in applied_heads(graph, entries)] == ["D002", "D003"]

    def test_one_whose_file_is_gone_counts_unless_another_depends_on_it(self) -> None:
        graph = Graph([revision("D002", "D001")])
        entries = _standings(graph, mark("D001"), mark("X001"), mark("D002"))

        assert [entry.revision for entry in applied_heads(graph, entries)] == ["X001", "D002"]

    def test_where_nothing_is_applied_there_are_none(self) -> None:
        assert applied_heads(CHAIN, _standings(CHAIN, mark("D001", "failed"))) == []


def test_what_was_paused_and_restarted_is_pending() -> None:
    forgotten = Checkpoint("D001", CheckpointState.FORGOTTEN, {})

    standing = Standing("D001", "", State.PAUSED).with_progress(forgotten)

    assert (standing.state, standing.progress) == (State.PENDING, None)


def test_what_failed_and_was_paused_since_is_paused() -> None:
    held = Checkpoint("D001", CheckpointState.HELD, {}, rows=5)

    standing = Standing("D001", "", State.FAILED).with_progress(held)

    assert standing.state == State.PAUSED
    assert standing.progress is not None
    assert standing.progress.rows == 5
