"""Alembic's revisions upstream of the migrations that wait for them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from dagster import AssetKey, AssetSpec, Definitions

from delembic import DefinitionError
from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicSchemaRevisionData,
    DelembicTranslatorData,
    build_delembic_defs,
    build_delembic_schema_asset_specs,
)
from support.dagster_location import key
from support.projects import ProjectFolder


def alembic(name: str) -> AssetKey:
    return AssetKey(["alembic", name])


def test_each_name_that_is_not_a_migration_is_an_external_asset(files: ProjectFolder) -> None:
    files.migration("D001", depends_on=("b2", "a1"))
    files.migration("D002", depends_on=("D001", "a1"))
    files.migration("D003", depends_on=("D002",))

    definitions = build_delembic_defs(DelembicProject(files.root))

    Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert graph.external_asset_keys == {alembic("a1"), alembic("b2")}
    assert graph.get(key("D001")).parent_keys == {alembic("a1"), alembic("b2")}
    assert graph.get(key("D002")).parent_keys == {key("D001"), alembic("a1")}
    assert graph.get(key("D003")).parent_keys == {key("D002")}


def test_a_selection_has_only_the_revisions_that_it_waits_for(files: ProjectFolder) -> None:
    files.migration("D001", depends_on=("a1",))
    files.migration("D002", depends_on=("b2",))

    specs = build_delembic_schema_asset_specs(DelembicProject(files.root), select="D002")

    assert [spec.key for spec in specs] == [alembic("b2")]
    assert (specs[0].kinds, specs[0].group_name) == ({"alembic"}, "alembic")
    assert specs[0].metadata["delembic/schema_revision"] == "b2"
    assert str(specs[0].description).startswith("The revision b2 of Alembic.")


class Prefixing(DagsterDelembicTranslator):
    """Puts a part in front of the keys of migrations, as many do."""

    def __init__(self, part: str) -> None:
        self.part = part

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=spec.key.with_prefix(self.part))


class Elsewhere(DagsterDelembicTranslator):
    """Has keys of its own for the revisions of Alembic, and leaves one out."""

    def get_schema_asset_spec(self, data: DelembicSchemaRevisionData) -> AssetSpec | None:
        name = data.schema_revision
        return None if name == "b2" else AssetSpec(["tables", name], owners=["team:schema"])


def keys(definitions: Definitions) -> set[str]:
    Definitions.validate_loadable(definitions)
    return {k.to_user_string() for k in definitions.resolve_asset_graph().get_all_asset_keys()}


@pytest.mark.parametrize(
    "options",
    [
        {"key_prefix": "x"},
        {"translator": DagsterDelembicTranslator(key_prefix="x")},
        {"translator": Prefixing("x")},
    ],
)
def test_a_prefix_is_in_front_of_the_keys_of_alembics_revisions_too(
    files: ProjectFolder, options: dict[str, Any]
) -> None:
    files.migration("D001", depends_on=("a1",))
    project = DelembicProject(files.root)
    own = Definitions([AssetSpec(["alembic", "a1"], description="the user's own")])
    defs = build_delembic_defs(project, **options)

    assert keys(defs) == {"x/alembic/a1", "x/delembic/D001"}
    parents = defs.resolve_asset_graph().get(AssetKey(["x", "delembic", "D001"])).parent_keys
    assert parents == {AssetKey(["x", "alembic", "a1"])}
    other = build_delembic_defs(project, job_name="other", key_prefix="y")
    assert len(keys(Definitions.merge(defs, own, other))) == 5


def test_a_translator_makes_the_assets_of_alembics_revisions(files: ProjectFolder) -> None:
    files.migration("D001", depends_on=("a1", "b2"))
    project = DelembicProject(files.root)

    defs = build_delembic_defs(project, translator=Elsewhere())

    assert keys(defs) == {"tables/a1", "delembic/D001"}
    (spec,) = build_delembic_schema_asset_specs(project, translator=Elsewhere())
    assert spec.owners == ["team:schema"]
    assert spec.metadata["delembic/schema_revision"] == "a1"


@pytest.mark.parametrize("by_translator", [True, False])
def test_alembics_revisions_can_be_left_out(files: ProjectFolder, by_translator: bool) -> None:
    files.migration("D001", depends_on=("a1",))
    options: dict[str, Any] = {"schema_assets": False}
    if by_translator:
        options = {"translator": DagsterDelembicTranslator(schema_assets=False)}

    defs = build_delembic_defs(DelembicProject(files.root), **options)

    assert keys(defs) == {"delembic/D001"}


def test_what_a_translator_makes_of_a_revision_of_alembic_has_to_be_a_spec(
    files: ProjectFolder,
) -> None:
    class Wrong(DagsterDelembicTranslator):
        def get_schema_asset_spec(self, data: DelembicSchemaRevisionData) -> Any:
            return data.schema_revision

    files.migration("D001", depends_on=("a1",))

    with pytest.raises(DefinitionError, match="D001 makes no AssetSpec of a1"):
        build_delembic_defs(DelembicProject(files.root), translator=Wrong())


def test_neither_alembic_nor_its_scripts_are_read(files: ProjectFolder) -> None:
    files.configure(alembic_config="no-such.ini")
    files.migration("D001", depends_on=("a1",))
    before = sys.modules.copy()

    Definitions.validate_loadable(build_delembic_defs(DelembicProject(files.root)))

    assert not {name for name in sys.modules if name.startswith("alembic.")} - before.keys()


def test_two_projects_can_wait_for_the_same_revision(files: ProjectFolder) -> None:
    other = ProjectFolder(files.root.parent / "other", files.url)
    files.migration("D001", depends_on=("a1",))
    other.migration("E001", depends_on=("a1",))

    definitions = Definitions.merge(
        build_delembic_defs(DelembicProject(files.root)),
        build_delembic_defs(DelembicProject(other.root), job_name="other"),
    )

    Definitions.validate_loadable(definitions)
    assert alembic("a1") in definitions.resolve_asset_graph().external_asset_keys
