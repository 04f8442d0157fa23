"""What may run, given what became of the rest."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from delembic import Progression

DIAMOND = {"D001": [], "D002": ["D001"], "D003": ["D001"], "D004": ["D002", "D003"], "D005": []}


def test_what_waits_for_nothing_is_ready_at_once() -> None:
    assert Progression(DIAMOND).ready == ("D001", "D005")


def test_what_has_begun_is_not_offered_again() -> None:
    progression = Progression(DIAMOND)

    progression.begin("D001")

    assert progression.ready == ("D005",)


def test_a_success_makes_its_dependants_ready() -> None:
    progression = Progression(DIAMOND)

    progression.succeed("D001")

    assert progression.ready == ("D002", "D003", "D005")


def test_a_revision_is_ready_only_after_all_that_it_depends_on() -> None:
    progression = Progression(DIAMOND)
    progression.succeed("D001")
    progression.succeed("D002")

    assert "D004" not in progression.ready
    progression.succeed("D003")

    assert "D004" in progression.ready


def test_a_failure_holds_up_what_depends_on_it_near_and_far() -> None:
    progression = Progression(DIAMOND)

    progression.fail("D001")

    assert progression.failed == ("D001",)
    assert progression.held_up == {
        "D002": ("D001",),
        "D003": ("D001",),
        "D004": ("D002", "D003"),
    }
    assert progression.ready == ("D005",)


def test_after_a_halt_nothing_begins_and_the_last_failure_holds_up_the_rest() -> None:
    progression = Progression(DIAMOND)
    progression.succeed("D005")
    progression.fail("D001")

    progression.halt()

    assert progression.ready == ()
    assert list(progression.one_by_one()) == []
    assert progression.held_up["D002"] == ("D001",)


def test_a_dependency_outside_of_the_plan_holds_nothing_up() -> None:
    assert Progression({"D002": ["D001"]}).ready == ("D002",)


def test_a_dependency_that_is_named_twice_is_waited_for_once() -> None:
    progression = Progression({"D001": [], "D002": ["D001", "D001"]})

    progression.succeed("D001")

    assert progression.ready == ("D002",)


@st.composite
def _plans(draw: st.DrawFn) -> Mapping[str, list[str]]:
    names = [f"D{number:03}" for number in range(draw(st.integers(0, 12)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:place]), max_size=3)) if place else []
        for place, name in enumerate(names)
    }


@given(_plans())
def test_one_by_one_goes_through_a_plan_in_its_order(plan: Mapping[str, list[str]]) -> None:
    progression = Progression(plan)

    order = []
    for revision in progression.one_by_one():
        progression.succeed(revision)
        order.append(revision)

    assert order == [*plan]
    assert progression.held_up == {}


@given(_plans(), st.data())
def test_each_revision_ends_as_exactly_one_of_run_failed_or_held_up(
    plan: Mapping[str, list[str]], data: st.DataObject
) -> None:
    broken = data.draw(st.sets(st.sampled_from([*plan]))) if plan else set()
    progression = Progression(plan)

    done: list[str] = []
    for revision in progression.one_by_one():
        assert set(plan[revision]) <= set(done)
        if revision in broken:
            progression.fail(revision)
        else:
            progression.succeed(revision)
            done.append(revision)

    assert sorted([*done, *progression.failed, *progression.held_up]) == [*plan]
