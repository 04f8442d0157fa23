"""The files that ``dg scaffold`` writes for a component, and when it writes none."""

from __future__ import annotations

import click
import pytest
from pydantic import ValidationError

from delembic import commands
from delembic_dagster import DelembicProject
from support.component_sandbox import BETAS, Sandbox, assets

pytestmark = BETAS


def test_scaffolding_creates_a_project_and_its_component(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sandbox.scaffold(scaffold_params={"init": True})

    assert (
        "\nattributes:\n  project: '{{ context.project_root }}'\n  names: file\n"
        in (folder / "defs.yaml").read_text()
    )
    assert "Created delembic.ini\nCreated delembic/env.py" in capsys.readouterr().out
    project = DelembicProject(sandbox.root)
    commands.revision(project.config, "load colours")
    assert list(assets(sandbox.definitions())) == ["delembic/D001_load_colours"]


@pytest.mark.parametrize("begin", [True, False])
def test_scaffolding_leaves_an_existing_project_unchanged(sandbox: Sandbox, begin: bool) -> None:
    ini = sandbox.root / "data" / "delembic.ini"
    commands.init(ini.parent)
    before = ini.read_bytes()

    folder = sandbox.scaffold(scaffold_params={"project_path": "data", "init": begin})

    assert "'{{ context.project_root }}/data'" in (folder / "defs.yaml").read_text()
    assert ini.read_bytes() == before
    assert assets(sandbox.definitions()) == {}


def test_scaffolding_without_a_project_explains_how_to_create_one_and_writes_nothing(
    sandbox: Sandbox,
) -> None:
    with pytest.raises(click.ClickException) as told:
        sandbox.scaffold(scaffold_params={"project_path": "data"})

    assert "There is no delembic.ini in" in told.value.message
    assert "--init true" in told.value.message
    assert not (sandbox.inner.defs_folder_path / "migrations").exists()
    assert not (sandbox.root / "data").exists()


@pytest.mark.filterwarnings(
    "ignore:Function `load_definitions_from_modules?` is currently in preview"
)
def test_scaffolding_in_python_creates_a_component_that_loads(sandbox: Sandbox) -> None:
    sandbox.scaffold(scaffold_params={"init": True}, scaffold_format="python")
    commands.revision(DelembicProject(sandbox.root).config, "load colours")

    assert list(assets(sandbox.definitions())) == ["delembic/D001_load_colours"]


def test_scaffolding_in_python_names_no_folder_unless_needed(sandbox: Sandbox) -> None:
    folder = sandbox.scaffold(scaffold_params={"init": True}, scaffold_format="python")

    python = (folder / "component.py").read_text()
    assert '(project=context.project_root, names="file")\n' in python


def test_scaffolding_in_python_names_a_folder_elsewhere(sandbox: Sandbox) -> None:
    folder = sandbox.scaffold(
        scaffold_params={"project_path": "data", "init": True}, scaffold_format="python"
    )

    python = (folder / "component.py").read_text()
    assert '(project=context.project_root / "data", names="file")\n' in python


def test_scaffolding_rejects_an_unknown_option(sandbox: Sandbox) -> None:
    with pytest.raises(ValidationError, match="initt"):
        sandbox.scaffold(scaffold_params={"initt": True})
