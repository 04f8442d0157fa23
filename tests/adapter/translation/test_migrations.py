"""The value that all builders create from a project, a translator and a selection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from dagster import AssetCheckSpec, AssetSpec

from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicTranslatorData,
    OpSettings,
    build_delembic_assets,
    build_delembic_defs,
    build_delembic_job,
    get_asset_key_for_revision,
)
from delembic_dagster.translation.migrations import Migrations
from support.dagster_location import key
from support.projects import ProjectFolder


class Counting(DagsterDelembicTranslator):
    """A translator that counts its calls, by method and revision."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        self.asked["asset", data.revision.id] += 1
        return super().get_asset_spec(data)

    def get_asset_check_spec(self, data: DelembicTranslatorData) -> AssetCheckSpec | None:
        self.asked["check", data.revision.id] += 1
        return super().get_asset_check_spec(data)

    def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
        self.asked["settings", data.revision.id] += 1
        return super().get_op_settings(data)


ONCE = {(question, id_): 1 for question in ("asset", "check", "settings") for id_ in ("D1", "D2")}


@pytest.fixture
def project(files: ProjectFolder) -> DelembicProject:
    """Two migrations, the second of which waits for the first."""
    files.migration("D1", validate="pass")
    files.migration("D2", depends_on=("D1",), validate="pass")
    return DelembicProject(files.root)


def test_a_translator_is_called_once_for_a_whole_code_location(project: DelembicProject) -> None:
    translator = Counting()

    build_delembic_defs(
        project, translator=translator, cron="0 5 * * *", validation_cron="0 6 * * *"
    )

    assert translator.asked == ONCE


def test_a_translator_is_called_once_by_several_builders(
    project: DelembicProject,
) -> None:
    translator = Counting()

    build_delembic_assets(project, translator=translator, select="D1")
    build_delembic_job(project, translator=translator)
    get_asset_key_for_revision(project, "D2", translator=translator)

    assert translator.asked == ONCE


def test_building_definitions_creates_the_migrations_once(
    project: DelembicProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Migrations] = []
    make: Callable[..., Migrations] = Migrations.of

    def noting(*arguments: object) -> Migrations:
        made.append(make(*arguments))
        return made[-1]

    monkeypatch.setattr(Migrations, "of", noting)

    build_delembic_defs(project, select="D1", cron="0 5 * * *", validation_cron="0 6 * * *")

    assert [list(each) for each in made] == [["D1"]]


def test_a_project_that_is_read_again_is_translated_again(
    files: ProjectFolder, project: DelembicProject
) -> None:
    before = Migrations.of(project)
    files.migration("D3")

    again = DelembicProject(files.root)

    assert again == project
    assert list(Migrations.of(again)) == ["D1", "D2", "D3"]
    assert list(Migrations.of(project)) == list(before) == ["D1", "D2"]


def test_another_selection_selects_from_the_whole_project(project: DelembicProject) -> None:
    first = Migrations.of(project, select="D1")

    second = first.select("D2")

    assert (list(first), list(second), "D1" in second) == (["D1"], ["D2"], False)
    assert second.keys_of(["D2"]) == [key("D2")]
    with pytest.raises(KeyError):
        first["D2"]
