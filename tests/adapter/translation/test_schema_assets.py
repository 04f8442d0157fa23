"""Alembic's revisions upstream of the migrations that wait for them."""

from __future__ import annotations

import sys

from dagster import AssetKey, Definitions

from delembic_dagster import (
    DelembicProject,
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
    assert "or belongs to a migration whose file is gone" in str(specs[0].description)


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
