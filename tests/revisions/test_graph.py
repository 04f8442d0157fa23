"""Revisions in order."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delembic.errors import (
    DependencyCycleError,
    DuplicateRevisionError,
    MigrationFileError,
    UnknownRevisionError,
)
from delembic.revisions.graph import Graph, natural_key, read_folder
from delembic.revisions.source import Revision
from support.projects import ProjectFolder

# A busy machine must not fail a test for being slow, nor chance one that passed before.
settings.load_profile("ci")


def revision(id_: str, *depends_on: str, line: int = 1) -> Revision:
    """A revision as if it had been read from a file of its name."""
    return Revision(id_, depends_on, "", Path(f"/{id_}.py"), line, "Load", "", validates=False)


@st.composite
def acyclic(draw: st.DrawFn) -> list[Revision]:
    """Revisions without a cycle, in any order, some of them with Alembic's among what they need."""
    ids = draw(st.lists(st.from_regex(r"[DX][0-9]{1,3}", fullmatch=True), unique=True, max_size=9))
    revisions = []
    for index, id_ in enumerate(ids):
        earlier = st.sets(st.sampled_from(ids[:index])) if index else st.just(set[str]())
        schema = st.sets(st.sampled_from(["S001", "S002"]))
        revisions.append(revision(id_, *sorted(draw(earlier) | draw(schema))))
    return draw(st.permutations(revisions))


class TestOrder:
    @given(acyclic())
    def test_it_holds_every_revision_once(self, revisions: list[Revision]) -> None:
        assert sorted(Graph(revisions)) == sorted(each.id for each in revisions)

    @given(acyclic())
    def test_every_dependency_comes_earlier(self, revisions: list[Revision]) -> None:
        graph = Graph(revisions)
        order = list(graph)

        for id_ in graph:
            assert all(order.index(name) < order.index(id_) for name in graph.dependencies(id_))

    @given(acyclic(), st.randoms(use_true_random=False))
    def test_it_does_not_depend_on_the_order_of_the_files(
        self, revisions: list[Revision], chance: random.Random
    ) -> None:
        shuffled = list(revisions)
        chance.shuffle(shuffled)

        assert list(Graph(shuffled)) == list(Graph(revisions))

    @given(acyclic())
    def test_of_those_that_are_ready_the_natural_first_comes_first(
        self, revisions: list[Revision]
    ) -> None:
        graph = Graph(revisions)
        done: list[str] = []

        for id_ in graph:
            ready = [
                other
                for other in graph
                if other not in done and set(graph.dependencies(other)) <= set(done)
            ]
            assert id_ == min(ready, key=lambda name: (natural_key(name), name))
            done.append(id_)

    def test_numbers_count_by_their_value(self) -> None:
        graph = Graph(revision(id_) for id_ in ["D1000", "D10", "D999", "D2", "hotfix", "D010"])

        assert list(graph) == ["D2", "D010", "D10", "D999", "D1000", "hotfix"]

    def test_a_thousand_in_a_row_are_no_trouble(self) -> None:
        chain = [revision(f"D{n}", f"D{n - 1}") for n in range(3000, 0, -1)]

        graph = Graph(chain)

        assert list(graph) == [f"D{n}" for n in range(1, 3001)]
        assert len(graph.ancestors("D3000")) == 2999


class TestAncestors:
    @given(acyclic())
    def test_they_are_what_is_reached_by_following_dependencies(
        self, revisions: list[Revision]
    ) -> None:
        graph = Graph(revisions)

        for id_ in graph:
            direct = graph.dependencies(id_)
            expected = frozenset(direct).union(*(graph.ancestors(name) for name in direct))
            assert graph.ancestors(id_) == expected

    @given(acyclic())
    def test_heads_and_what_is_before_them_are_everything(self, revisions: list[Revision]) -> None:
        graph = Graph(revisions)

        assert graph.heads | graph.ancestors("head") == frozenset(graph)
        assert not graph.heads & graph.ancestors("head")

    def test_names_of_alembic_are_no_dependencies_here(self) -> None:
        graph = Graph([revision("D001", "S001"), revision("D002", "S002", "D001")])

        assert graph.dependencies("D002") == ("D001",)
        assert graph.ancestors("D002") == {"D001"}


class TestTargets:
    @pytest.fixture
    def graph(self) -> Graph:
        return Graph([revision("D001"), revision("D002", "D001"), revision("D003", "D001")])

    @pytest.mark.parametrize("target", ["head", "heads"])
    def test_head_stands_for_all_that_nothing_waits_for(self, graph: Graph, target: str) -> None:
        assert graph.resolve(target) == {"D002", "D003"}

    def test_a_revision_stands_for_itself(self, graph: Graph) -> None:
        assert graph.resolve("D001") == {"D001"}

    def test_an_unknown_one_is_told_with_the_nearest(self, graph: Graph) -> None:
        with pytest.raises(UnknownRevisionError) as caught:
            graph.resolve("D0003")

        assert str(caught.value) == (
            "There is no revision 'D0003'. Did you mean 'D003'?\n"
            "'delembic history' lists the revisions; 'head' stands for all of them."
        )

    def test_without_a_near_one_nothing_is_guessed(self, graph: Graph) -> None:
        with pytest.raises(UnknownRevisionError) as caught:
            graph.ancestors("vocabulary")

        assert caught.value.message == "There is no revision 'vocabulary'."

    def test_an_empty_project_has_no_heads(self) -> None:
        assert Graph([]).resolve("head") == frozenset()


class TestFaults:
    def test_a_cycle_is_told_with_its_path(self) -> None:
        with pytest.raises(DependencyCycleError) as caught:
            Graph(
                [
                    revision("D001", "D003"),
                    revision("D002", "D001"),
                    revision("D003", "D002"),
                    revision("D004", "D003"),
                ]
            )

        assert str(caught.value) == (
            "The migrations depend on each other in a cycle: D001 -> D003 -> D002 -> D001.\n"
            "Remove one of these dependencies. The migrations are defined in /D003.py:1,"
            " /D002.py:1,"
            " /D001.py:1."
        )

    def test_what_waits_for_itself_is_a_cycle(self) -> None:
        with pytest.raises(DependencyCycleError) as caught:
            Graph([revision("D001", "D001")])

        assert caught.value.cycle == ("D001", "D001")
        assert str(caught.value) == (
            "D001 depends on itself.\nCorrect its depends_on in /D001.py:1."
        )

    def test_a_revision_that_is_there_twice_is_told_with_both_places(self) -> None:
        with pytest.raises(DuplicateRevisionError) as caught:
            Graph([revision("D001", line=3), revision("D002"), revision("D001", line=9)])

        assert str(caught.value) == (
            "Revision D001 is defined twice: in /D001.py:3 and in /D001.py:9.\n"
            "Give one of them another revision; one that is already applied must keep its own."
        )


class TestFolder:
    def test_python_files_are_read_and_helpers_are_not(self, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", "")
        project.migration("D002")
        project.migration("D001")
        project.write("delembic/versions/_rows.py", "this is no migration")
        project.write("delembic/versions/__init__.py", "")
        (project.versions / "._D001.py").write_bytes(b"\0 of macOS")
        (project.versions / ".#D001.py").symlink_to("of-emacs")
        project.write("delembic/versions/notes.txt", "this is no Python")

        assert list(read_folder(project.versions, project.root)) == ["D001", "D002"]

    def test_subfolders_are_read_unless_they_are_private(self, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", "")
        content = project.migration("D001").read_text()
        for number, folder in enumerate(["2024", "2024/spring", "v1.2", "_helpers", ".git"], 2):
            other = content.replace("D001", f"D00{number}")
            project.write(f"delembic/versions/{folder}/D00{number}.py", other)
        project.write("delembic/versions/2024/_old/D009.py", content.replace("D001", "D009"))
        project.write("delembic/versions/__pycache__/D008.py", "this is no migration")

        graph = read_folder(project.versions, project.root)

        assert list(graph) == ["D001", "D002", "D003", "D004"]
        assert graph["D003"].path == project.versions / "2024" / "spring" / "D003.py"

    def test_files_that_are_links_are_read_once_as_kubernetes_mounts_them(
        self, tmp_path: Path
    ) -> None:
        project = ProjectFolder(tmp_path / "project", "")
        content = project.migration("D001").read_text()
        project.versions.joinpath("D001.py").unlink()
        project.write("delembic/versions/..2024_01_15/D001.py", content)
        project.versions.joinpath("..data").symlink_to("..2024_01_15")
        project.versions.joinpath("D001.py").symlink_to("..data/D001.py")

        assert list(read_folder(project.versions, project.root)) == ["D001"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_folder_that_may_not_be_read_is_told(self, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", "")
        closed = project.versions / "2024"
        closed.mkdir(mode=0o000)

        with pytest.raises(MigrationFileError, match="2024: cannot be read: Permission denied"):
            read_folder(project.versions, project.root)

    def test_a_folder_without_files_has_no_revisions(self, tmp_path: Path) -> None:
        assert len(read_folder(tmp_path, tmp_path)) == 0
