"""What applies to all assets of a project: names, prefix and group."""

from __future__ import annotations

import pytest
from dagster import AssetKey, Definitions

from delembic import ConfigurationError
from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    build_delembic_asset_specs,
    build_delembic_defs,
    build_delembic_job,
    get_asset_key_for_revision,
)
from delembic_dagster.translation.arrangement import Arrangement
from support.dagster_location import Location
from support.projects import ProjectFolder


@pytest.fixture
def named(sqlite_location: Location) -> Location:
    """Two migrations whose files have names of their own."""
    for revision, name, waits_for in (("D001", "D001_terms", ()), ("D002", "D002_map", ("D001",))):
        sqlite_location.inserting(revision, *waits_for, validate="pass")
        file = sqlite_location.folder.versions / f"{revision}.py"
        file.rename(file.with_stem(name))
    return sqlite_location


def test_assets_ops_and_steps_can_have_the_names_of_the_files(named: Location) -> None:
    ran = named.run_definitions(named.definitions(names="file"))

    assert ran.checks() == [("D001", True), ("D002", True)]
    assert {*ran.materialized()} == {"D001", "D002"}
    assert {*ran.steps} >= {"delembic__D001_terms", "delembic__D002_map"}


def test_the_name_does_not_move_when_a_description_is_edited(named: Location) -> None:
    def key() -> AssetKey:
        return get_asset_key_for_revision(named.project, "D001", names="file")

    before = key()
    file = named.folder.versions / "D001_terms.py"
    file.write_text(file.read_text().replace("the work of D001", "something else"))

    assert key() == before == AssetKey(["delembic", "D001_terms"])


def test_arguments_reach_everything_that_is_built(named: Location) -> None:
    definitions = named.definitions(
        names="file", key_prefix=["a", "b"], group_name="all_of_them", cron="0 5 * * *"
    )

    Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {
        "a/b/delembic/D001_terms",
        "a/b/delembic/D002_map",
    }
    assert {node.group_name for node in graph.asset_nodes} == {"all_of_them"}
    assert {key.name for key in graph.asset_check_keys} == {"validate", "validate_again"}
    assert named.run_definitions(definitions).checks() == [("D001", True), ("D002", True)]


def test_an_argument_comes_before_what_the_translator_was_given(named: Location) -> None:
    translator = DagsterDelembicTranslator(names="file", key_prefix="in", group_name="its_own")

    (first, _) = build_delembic_asset_specs(
        named.project, translator=translator, key_prefix="out", group_name="another"
    )

    assert first.key.to_user_string() == "out/in/delembic/D001_terms"
    assert first.group_name == "another"


def test_a_job_selects_the_keys_of_its_arguments(named: Location) -> None:
    job = build_delembic_job(named.project, name="mine", key_prefix="x", names="file")
    definitions = Definitions.merge(
        named.definitions(key_prefix="x", names="file", validation_checks=False),
        Definitions(jobs=[job]),
    )

    assert named.run_definitions(definitions, job="mine").success


def test_names_that_there_are_not_are_refused(files: ProjectFolder) -> None:
    with pytest.raises(ConfigurationError, match="no names 'files'"):
        build_delembic_defs(DelembicProject(files.root), names="files")  # type: ignore[arg-type]


def test_what_is_not_given_leaves_the_general_arrangement_as_it_is() -> None:
    general = Arrangement.of("file", "x", "group", schema_assets=False)

    assert Arrangement().over(general) == general
