"""What will be run, in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic.errors import UnknownRevisionError
from delembic.revisions.graph import Graph
from delembic.revisions.plan import Plan, make_plan, make_single_plan
from delembic.revisions.source import Revision


def revision(id_: str, *depends_on: str) -> Revision:
    """A revision as if it had been read from a file of its name."""
    return Revision(id_, depends_on, "", Path(f"/{id_}.py"), 1, "Load", "", validates=False)


@pytest.fixture
def graph() -> Graph:
    """Two branches that meet in D005."""
    return Graph(
        [
            revision("D001", "S001"),
            revision("D002", "D001"),
            revision("D003"),
            revision("D004", "D003", "S002"),
            revision("D005", "D002", "D004", "S001"),
        ]
    )


def _ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


class TestSteps:
    def test_head_is_everything(self, graph: Graph) -> None:
        assert _ids(make_plan(graph, ())) == ["D001", "D002", "D003", "D004", "D005"]

    def test_a_target_is_itself_and_what_it_depends_on(self, graph: Graph) -> None:
        assert _ids(make_plan(graph, (), "D004")) == ["D003", "D004"]

    def test_what_is_applied_is_left_out(self, graph: Graph) -> None:
        assert _ids(make_plan(graph, {"D001", "D003"})) == ["D002", "D004", "D005"]

    def test_a_dependency_added_after_the_fact_is_still_run(self, graph: Graph) -> None:
        assert _ids(make_plan(graph, {"D002"}, "D002")) == ["D001"]

    def test_with_all_applied_there_are_none(self, graph: Graph) -> None:
        assert make_plan(graph, set(graph)) == Plan((), {})

    def test_without_files_there_are_none(self) -> None:
        assert make_plan(Graph([]), {"D001"}) == Plan((), {})

    def test_a_target_that_does_not_exist_is_refused(self, graph: Graph) -> None:
        with pytest.raises(UnknownRevisionError, match="There is no revision 'D009'"):
            make_plan(graph, (), "D009")


class TestExternalNames:
    def test_each_comes_with_the_steps_that_need_it(self, graph: Graph) -> None:
        assert make_plan(graph, ()).external == {"S001": ("D001", "D005"), "S002": ("D004",)}

    def test_only_those_of_steps_count(self, graph: Graph) -> None:
        assert make_plan(graph, {"D001"}, "D002").external == {}
        assert make_plan(graph, {"D001"}).external == {"S002": ("D004",), "S001": ("D005",)}

    def test_an_applied_migration_whose_file_is_gone_is_none(self, graph: Graph) -> None:
        assert make_plan(graph, {"S001"}, "D002").external == {}


class TestSinglePlan:
    def test_it_is_that_revision_alone(self, graph: Graph) -> None:
        plan = make_single_plan(graph, (), "D004")

        assert (_ids(plan), plan.external) == (["D004"], {"S002": ("D004",)})

    def test_an_applied_one_leaves_nothing_to_do(self, graph: Graph) -> None:
        assert make_single_plan(graph, {"D004"}, "D004") == Plan((), {})

    def test_head_is_no_single_revision(self, graph: Graph) -> None:
        with pytest.raises(UnknownRevisionError):
            make_single_plan(graph, (), "head")
