"""The migrations that a selection selects."""

from __future__ import annotations

from typing import Any

import pytest

from delembic.errors import UnknownRevisionError
from delembic_dagster import DelembicProject, build_delembic_asset_specs
from delembic_dagster.errors import SelectionError
from support.projects import ProjectFolder


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (None, ["D1", "D2", "D3"]),
        ("D2", ["D2"]),
        (["D3", "D1"], ["D1", "D3"]),
        ("upto:D2", ["D1", "D2"]),
        ("upto:head", ["D1", "D2", "D3"]),
        ("head", ["D1", "D2", "D3"]),
        ("tag:big", ["D1", "D3"]),
        ("tag:big=yes", ["D3"]),
        (["tag:big=yes", "D2"], ["D2", "D3"]),
        ([], []),
    ],
)
def test_revisions_are_selected_by_name_by_tag_or_up_to_a_revision(
    files: ProjectFolder, select: Any, expected: list[str]
) -> None:
    for revision, depends_on, tags in (
        ("D1", [], ["big"]),
        ("D2", ["D1"], []),
        ("D3", [], {"big": "yes"}),
    ):
        files.write(
            f"delembic/versions/{revision}.py",
            f"""
            from delembic import DataMigration
            class Migration(DataMigration):
                revision = {revision!r}
                depends_on = {depends_on!r}
                description = ""
                tags = {tags!r}
                def upgrade(self, conn): return
            """,
        )

    specs = build_delembic_asset_specs(DelembicProject(files.root), select=select)

    assert [spec.metadata["delembic/revision"] for spec in specs] == expected


@pytest.mark.parametrize(
    ("select", "error", "problem"),
    [
        ("D01", UnknownRevisionError, "Did you mean 'D001'"),
        ("upto:nothing", UnknownRevisionError, "no revision 'nothing'"),
        ("tag:nothing", SelectionError, "No migration has the tag 'nothing'"),
        ("tags:nothing", SelectionError, "'tags:nothing' is not a valid selection"),
        ("pending", SelectionError, "definitions are loaded without it"),
    ],
)
def test_a_selection_of_something_unknown_is_rejected(
    files: ProjectFolder, select: str, error: type[Exception], problem: str
) -> None:
    files.migration("D001")

    with pytest.raises(error, match=problem):
        build_delembic_asset_specs(DelembicProject(files.root), select=select)
