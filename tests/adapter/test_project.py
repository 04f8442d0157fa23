"""The location of the project and its settings."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from delembic import ConfigurationError
from delembic_dagster import DelembicProject
from support.projects import ProjectFolder


def test_a_project_is_located_by_its_folder_or_its_ini_file(files: ProjectFolder) -> None:
    files.migration("D001")

    for path in (files.root, str(files.root), files.root / "delembic.ini"):
        assert list(DelembicProject(path).graph) == ["D001"]


def test_a_relative_path_is_resolved_once(
    files: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.migration("D001")
    monkeypatch.chdir(files.root.parent)
    project = DelembicProject(files.root.name)
    monkeypatch.chdir("/")

    assert list(project.graph) == ["D001"]


def test_another_section_of_the_ini_can_be_chosen(files: ProjectFolder) -> None:
    ini = files.root / "delembic.ini"
    ini.write_text(ini.read_text() + "[mart]\nscript_location = mart\n")
    files.write("mart/versions/_helper.py", "")

    project = DelembicProject(files.root, section="mart")

    assert len(project.graph) == 0
    assert project.dialect is None


def test_a_folder_without_an_ini_file_does_not_use_one_above_it(files: ProjectFolder) -> None:
    folder = files.root / "below"
    folder.mkdir()

    with pytest.raises(ConfigurationError, match=r"delembic\.ini does not exist"):
        _ = DelembicProject(folder).config


def test_a_pickled_project_contains_no_password(tmp_path: Path) -> None:
    files = ProjectFolder(tmp_path / "p", "postgresql+psycopg://ann:secret@127.0.0.1:1/x")
    files.migration("D001")
    project = DelembicProject(files.root)
    assert list(project.graph) == ["D001"]

    pickled = pickle.dumps(project)

    assert b"secret" not in pickled
    assert pickle.loads(pickled) == project
    assert list(pickle.loads(pickled).graph) == ["D001"]


def test_the_files_are_read_once(files: ProjectFolder) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)

    assert project.graph is project.graph
