"""Migrations as asset specs: the contents of the files in Dagster's terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from dagster import (
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    CodeReferencesMetadataValue,
    LocalFileCodeReference,
)

from delembic.errors import UnknownRevisionError
from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicProject,
    DelembicTranslatorData,
    build_delembic_asset_specs,
    build_delembic_assets,
    get_asset_key_for_revision,
)
from delembic_dagster.errors import AssetKeyTakenError, TranslationError
from support.dagster_location import key
from support.projects import ProjectFolder


@dataclass
class Translating(DagsterDelembicTranslator):
    """A translator that returns other specs."""

    spec: Callable[[AssetSpec, DelembicTranslatorData], Any] = lambda spec, data: spec
    check: Callable[[AssetCheckSpec, DelembicTranslatorData], Any] = lambda spec, data: spec

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        return cast(AssetSpec, self.spec(super().get_asset_spec(data), data))

    def get_asset_check_spec(self, data: DelembicTranslatorData) -> AssetCheckSpec | None:
        spec = super().get_asset_check_spec(data)
        assert spec
        return cast(AssetCheckSpec | None, self.check(spec, data))


def only_spec(files: ProjectFolder, **options: Any) -> AssetSpec:
    (spec,) = build_delembic_asset_specs(DelembicProject(files.root), **options)
    return spec


def attributed(files: ProjectFolder, attributes: str) -> AssetSpec:
    files.write(
        "delembic/versions/D001.py",
        f"""
        from delembic import DataMigration
        class Migration(DataMigration):
            revision = "D001"
            depends_on = []
            description = ""
            {attributes}
            def upgrade(self, conn): return
        """,
    )
    return only_spec(files)


def test_a_spec_has_the_data_of_the_file(files: ProjectFolder) -> None:
    files.migration("D001")

    spec = only_spec(files)

    assert spec.key == key("D001")
    assert spec.description == "the work of D001"
    assert spec.code_version == files.checksum("D001")
    assert spec.metadata["delembic/revision"] == "D001"
    assert spec.kinds == {"delembic", "postgresql"}
    assert spec.group_name is None


def test_code_references_point_at_the_class_in_the_migrations_own_file(
    files: ProjectFolder,
) -> None:
    path = files.migration("D001", head="# one\n# two")

    references = only_spec(files).metadata["dagster/code_references"]

    assert isinstance(references, CodeReferencesMetadataValue)
    (reference,) = references.code_references
    assert isinstance(reference, LocalFileCodeReference)
    assert reference.file_path == str(path)
    line = path.read_text().splitlines()[(reference.line_number or 0) - 1]
    assert line == "class MigrationD001(DataMigration):"


def test_schema_revisions_are_in_the_metadata_and_upstream(files: ProjectFolder) -> None:
    files.migration("D001", depends_on=("S001", "S002"))

    spec = only_spec(files)

    assert [dep.asset_key.path for dep in spec.deps] == [["alembic", "S001"], ["alembic", "S002"]]
    assert spec.metadata["delembic/schema_revisions"] == ["S001", "S002"]


def test_tags_owners_and_group_come_from_the_class(files: ProjectFolder) -> None:
    spec = attributed(
        files,
        "tags = {'domain': 'geo', 'x/y': ''}; owners = ['team:data', 'ann@example.com'];"
        " group = 'reference/geo'",
    )

    assert {name: spec.tags[name] for name in ("domain", "x/y")} == {"domain": "geo", "x/y": ""}
    assert list(spec.owners) == ["team:data", "ann@example.com"]
    assert spec.group_name == "reference/geo"
    assert "delembic/tags" not in spec.metadata
    assert "delembic/owners" not in spec.metadata


def test_what_dagster_does_not_accept_is_adapted_and_kept_in_the_metadata(
    files: ProjectFolder,
) -> None:
    tags = {"load order": "first, really", "long": "x" * 99, "ü": "", "": "nameless"}

    spec = attributed(files, f"tags = {tags!r}; owners = ['Ann', 'team:']; group = 'a b//c-d/'")

    assert spec.tags["load_order"] == "first__really"
    assert spec.tags["long"] == "x" * 63
    assert spec.metadata["delembic/tags"] == tags
    assert list(spec.owners) == []
    assert spec.metadata["delembic/owners"] == ["Ann", "team:"]
    assert spec.group_name == "a_b/c_d"


def test_the_dialect_is_left_out_if_the_settings_do_not_reveal_it(files: ProjectFolder) -> None:
    files.migration("D001")
    files.url = "${DELEMBIC_TEST_NOT_SET}"
    files.configure()

    assert only_spec(files).kinds == {"delembic"}


def test_a_translator_can_change_everything_and_others_follow_its_keys(
    files: ProjectFolder,
) -> None:
    files.migration("D001")
    files.migration("D002", depends_on=("D001",))
    translator = Translating(
        lambda spec, data: AssetSpec(["mine", data.revision.id], deps=data.dependencies)
    )

    first, second = build_delembic_asset_specs(DelembicProject(files.root), translator=translator)

    assert first.key == AssetKey(["mine", "D001"])
    assert [dep.asset_key for dep in second.deps] == [first.key]
    assert second.metadata["delembic/revision"] == "D002"


def test_a_check_follows_the_key_of_its_asset(files: ProjectFolder) -> None:
    files.migration("D001", validate="pass")
    translator = Translating(lambda spec, data: spec.replace_attributes(key="other"))

    (asset,) = build_delembic_assets(DelembicProject(files.root), translator=translator)

    (check,) = asset.check_specs
    assert (check.asset_key, check.name, check.blocking) == (AssetKey("other"), "validate", True)


def test_a_translator_can_omit_the_check(files: ProjectFolder) -> None:
    files.migration("D001", validate="pass")
    translator = Translating(check=lambda spec, data: None)

    (asset,) = build_delembic_assets(DelembicProject(files.root), translator=translator)

    assert list(asset.check_specs) == []


def test_a_migration_without_validate_has_no_check(files: ProjectFolder) -> None:
    files.migration("D001")

    (asset,) = build_delembic_assets(DelembicProject(files.root))

    assert list(asset.check_specs) == []


@pytest.mark.parametrize(
    ("translator", "problem"),
    [
        (Translating(lambda spec, data: None), "D001 is not an AssetSpec: None"),
        (
            Translating(check=lambda spec, data: "x"),
            "D001 has a check that is not an AssetCheckSpec: 'x'",
        ),
        (
            Translating(check=lambda spec, data: AssetCheckSpec("validate", asset="far/away")),
            "on a different asset, far/away",
        ),
        (
            Translating(lambda spec, data: spec.replace_attributes(kinds={*"abcdefghijk"})),
            "D001 is rejected by Dagster: Assets can have at most ten kinds",
        ),
    ],
)
def test_an_unusable_translation_is_rejected(
    files: ProjectFolder, translator: Translating, problem: str
) -> None:
    files.migration("D001", validate="pass")

    with pytest.raises(TranslationError, match=problem):
        only_spec(files, translator=translator)


def test_the_key_of_a_revision_comes_from_its_translator(
    files: ProjectFolder,
) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)
    moved = Translating(lambda spec, data: spec.replace_attributes(key=["warehouse", "first"]))

    assert get_asset_key_for_revision(project, "D001") == key("D001")
    assert get_asset_key_for_revision(project, "D001", translator=moved) == AssetKey(
        ["warehouse", "first"]
    )
    with pytest.raises(UnknownRevisionError, match="D0O1"):
        get_asset_key_for_revision(project, "D0O1")


def test_two_revisions_cannot_have_the_same_asset_key(files: ProjectFolder) -> None:
    files.migration("D001")
    files.migration("D002")
    translator = Translating(lambda spec, data: spec.replace_attributes(key="same"))

    with pytest.raises(AssetKeyTakenError, match="D001 and D002 have the same asset key, same"):
        build_delembic_asset_specs(DelembicProject(files.root), translator=translator)
