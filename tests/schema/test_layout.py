"""Alembic's files are found however they are laid out, and from whatever folder delembic is run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from delembic import commands
from delembic.errors import ConfigurationError, SchemaNotReadyError
from delembic.schema import layout
from delembic.testing import migration_tester
from support.projects import ProjectFolder

ENV = """
from alembic import context
from sqlalchemy import create_engine, pool

with create_engine({url!r}, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
SCRIPT = """
from alembic import op
{head}
revision = "S001"
down_revision = None

def upgrade():
    op.execute("CREATE TABLE s001 (x INTEGER)")
"""
IMPORTING = "import names_of_this_project"
EMPTY_INI = "[alembic]\nsome_option = of nobody\n"


@dataclass(frozen=True)
class Lay:
    """One lay-out of an Alembic project.

    Attributes:
        named: What ``alembic_config`` is set to.
        files: The files with Alembic's settings.
        run_in: The folder in which Alembic itself is run.
        scripts: The folder of the scripts.
        versions: The folder of the revisions, below the scripts unless it is given.
        head: What the script begins with.
        arguments: The options of Alembic's command.
    """

    named: str
    files: dict[str, str]
    run_in: str = "."
    scripts: str = "schema"
    versions: str = ""
    head: str = ""
    arguments: tuple[str, ...] = ()


LAY_OUTS = {
    "pyproject.toml beside the ini": Lay(
        "alembic.ini",
        {
            "alembic.ini": EMPTY_INI,
            "pyproject.toml": "[tool.alembic]\nscript_location = '%(here)s/schema'\n"
            "prepend_sys_path = ['.']\n",
        },
        head=IMPORTING,
    ),
    "pyproject.toml in the root, and the ini elsewhere": Lay(
        "db/alembic.ini",
        {
            "db/alembic.ini": EMPTY_INI,
            "pyproject.toml": "[tool.alembic]\nscript_location = 'schema'\n",
        },
        arguments=("-c", "db/alembic.ini"),
    ),
    "pyproject.toml is named": Lay(
        "pyproject.toml",
        {
            "alembic.ini": EMPTY_INI,
            "pyproject.toml": "[tool.alembic]\nscript_location = '%(here)s/schema'\n",
        },
    ),
    "pyproject.toml alone": Lay(
        "pyproject.toml",
        {"pyproject.toml": "[tool.alembic]\nscript_location = 'schema'\n"},
    ),
    "a pyproject.toml that is not about Alembic": Lay(
        "alembic.ini",
        {
            "alembic.ini": "[alembic]\nscript_location = %(here)s/schema\n",
            "pyproject.toml": "[project]\nname = 'shop'\n",
        },
    ),
    "a relative script_location": Lay(
        "alembic.ini",
        {
            "alembic.ini": "[alembic]\nscript_location = schema\npath_separator = os\n"
            "prepend_sys_path = .\n"
        },
        head=IMPORTING,
    ),
    "relative to the ini's folder": Lay(
        "db/alembic.ini",
        {"db/alembic.ini": "[alembic]\nscript_location = schema\n"},
        run_in="db",
        scripts="db/schema",
    ),
    "relative to the root": Lay(
        "db/alembic.ini",
        {
            "db/alembic.ini": "[alembic]\nscript_location = db/schema\npath_separator = os\n"
            "prepend_sys_path = .\n"
        },
        scripts="db/schema",
        head=IMPORTING,
        arguments=("-c", "db/alembic.ini"),
    ),
    "relative version_locations": Lay(
        "alembic.ini",
        {
            "alembic.ini": "[alembic]\nscript_location = schema\npath_separator = os\n"
            "version_path_separator = os\nversion_locations = %(here)s/none:revisions\n"
        },
        versions="revisions",
    ),
    "inside of a package": Lay(
        "alembic.ini",
        {
            "alembic.ini": "[alembic]\nscript_location = a_package_with_a_schema:schema\n"
            "path_separator = os\nprepend_sys_path = .\n",
            "a_package_with_a_schema/__init__.py": "",
        },
        scripts="a_package_with_a_schema/schema",
    ),
    "a folder with a % in its name": Lay(
        "alembic.ini",
        {"alembic.ini": "[alembic]\nscript_location = 100%%\n"},
        scripts="100%",
    ),
}


_needs_toml = pytest.mark.skipif(
    not layout._READS_TOML, reason="Alembic reads pyproject.toml since 1.16"
)
_every_lay_out = pytest.mark.parametrize(
    "lay",
    [
        pytest.param(
            lay,
            id=name,
            marks=[_needs_toml] if "[tool.alembic]" in lay.files.get("pyproject.toml", "") else [],
        )
        for name, lay in LAY_OUTS.items()
    ],
)


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("names_of_this_project", "a_package_with_a_schema"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.write("names_of_this_project.py", "")
    project.migration("D001", depends_on=("S001",))
    return project


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: another one than the project's."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def _lay_out(project: ProjectFolder, lay: Lay) -> None:
    project.configure(alembic_config=lay.named)
    for name, content in lay.files.items():
        project.write(name, content)
    project.write(f"{lay.scripts}/env.py", ENV.format(url=project.url))
    versions = lay.versions or f"{lay.scripts}/versions"
    project.write(f"{versions}/S001.py", SCRIPT.format(head=lay.head))


def _run_alembic(project: ProjectFolder, lay: Lay) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", *lay.arguments, "upgrade", "head"],
        cwd=project.root / lay.run_in,
        env=os.environ,
        check=True,
        capture_output=True,
    )


@_every_lay_out
@pytest.mark.usefixtures("elsewhere")
def test_what_alembic_finds_is_found_from_another_folder(project: ProjectFolder, lay: Lay) -> None:
    _lay_out(project, lay)

    with pytest.raises(SchemaNotReadyError) as caught:
        project.upgrade()
    assert list(caught.value.missing) == ["S001"]

    _run_alembic(project, lay)
    project.upgrade()
    assert project.states() == {"D001": "applied"}


@_every_lay_out
@pytest.mark.usefixtures("elsewhere")
def test_a_test_of_a_migration_has_that_schema_too(project: ProjectFolder, lay: Lay) -> None:
    _lay_out(project, lay)

    with migration_tester(project.root) as tester:
        assert tester.run("D001").revision == "D001"


@pytest.mark.usefixtures("elsewhere")
def test_the_folder_of_flask_migrates_ini_is_that_of_its_scripts(project: ProjectFolder) -> None:
    _lay_out(project, Lay("migrations/alembic.ini", {}, scripts="migrations"))
    project.write("migrations/alembic.ini", "[alembic]\n# file_template = %%(rev)s_%%(slug)s\n")

    with pytest.raises(SchemaNotReadyError) as caught:
        project.upgrade()

    assert list(caught.value.missing) == ["S001"]


@_needs_toml
@pytest.mark.usefixtures("elsewhere")
def test_the_version_table_is_read_from_pyproject_toml(project: ProjectFolder) -> None:
    lay = LAY_OUTS["pyproject.toml alone"]
    _lay_out(project, lay)
    toml = lay.files["pyproject.toml"]
    project.write("pyproject.toml", f"{toml}version_table = 'schema_version'\n")
    project.execute("CREATE TABLE schema_version (version_num VARCHAR(32))")
    project.execute("INSERT INTO schema_version VALUES ('S001')")

    project.upgrade()

    assert project.states() == {"D001": "applied"}


def test_a_folder_of_that_name_in_the_working_folder_is_not_taken(
    project: ProjectFolder, elsewhere: Path
) -> None:
    _lay_out(project, LAY_OUTS["a relative script_location"])
    (elsewhere / "schema" / "versions").mkdir(parents=True)

    assert commands.history(project.config)[0].waits_for == ("S001",)
    with pytest.raises(SchemaNotReadyError):
        project.upgrade()


@pytest.mark.usefixtures("elsewhere")
def test_the_path_for_imports_does_not_grow_with_each_reading(project: ProjectFolder) -> None:
    _lay_out(project, LAY_OUTS["a relative script_location"])
    commands.history(project.config)
    before = [*sys.path]

    commands.history(project.config)

    assert sys.path == before
    assert "." not in before


@pytest.mark.usefixtures("elsewhere")
def test_an_alembic_that_does_not_read_pyproject_toml_is_told(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lay_out(project, LAY_OUTS["pyproject.toml alone"])
    monkeypatch.setattr(layout, "_READS_TOML", False)

    with pytest.raises(ConfigurationError) as caught:
        project.upgrade()

    assert str(caught.value) == (
        f"The installed Alembic does not read {project.root}/pyproject.toml.\n"
        "Install Alembic 1.16 or newer: pip install --upgrade alembic"
    )
