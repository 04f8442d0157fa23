"""The scaffolder behind ``dg scaffold defs delembic_dagster.DelembicProjectComponent``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from dagster import Scaffolder, ScaffoldRequest, scaffold_component
from pydantic import BaseModel, ConfigDict, Field

from delembic import ConfigurationError, DelembicError, commands
from delembic_dagster.project import CONFIG_NAME

_ROOT = "{{ context.project_root }}"

_PYTHON = """\
import dagster as dg
from {module} import {name}


@dg.component_instance
def load(context: dg.ComponentLoadContext) -> {name}:
    return {name}(project={project}, names="file")
"""


class ScaffoldParams(BaseModel):
    """The options of the command."""

    model_config = ConfigDict(extra="forbid")

    project_path: str | None = Field(
        default=None,
        description="The folder that contains delembic.ini, or will contain it; the Dagster"
        " project's own folder if not given.",
    )
    init: bool = Field(
        default=False, description="Create a delembic project there if there is none yet."
    )


class DelembicProjectComponentScaffolder(Scaffolder[ScaffoldParams]):
    """Writes the ``defs.yaml`` for a project, and creates the project on request.

    The assets are named after the migrations' files, which can be searched for words.
    """

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        """Return the options of the command."""
        return ScaffoldParams

    def scaffold(self, request: ScaffoldRequest[ScaffoldParams]) -> None:
        """Write ``defs.yaml``, or ``component.py`` if the format is Python.

        Raises:
            ClickException: There is no project at that path, and none is to be created or can be.
        """
        root = request.project_root or Path.cwd()
        path = Path(request.params.project_path or root).absolute()
        with _raised_as_click_error(request.target_path):
            _ensure_project(path, create=request.params.init)
        way = Path(os.path.relpath(path, root)).as_posix()
        if request.scaffold_format == "yaml":
            place = _ROOT if way == "." else f"{_ROOT}/{way}"
            scaffold_component(request, {"project": place, "names": "file"})
        else:
            _write_python(request, way)


def _ensure_project(path: Path, *, create: bool) -> None:
    """Check that there is a project, or create one on request."""
    if path.is_file() or (path / CONFIG_NAME).is_file():
        return
    if not create:
        raise ConfigurationError(
            f"There is no {CONFIG_NAME} in {path}.",
            "Create a project there with --init true, or name another folder with --project-path.",
        )
    for file in commands.init(path):
        click.echo(f"Created {os.path.relpath(file)}")
    click.echo(commands.AFTER_INIT)


def _write_python(request: ScaffoldRequest[ScaffoldParams], way: str) -> None:
    module, _, name = request.type_name.rpartition(".")
    project = "context.project_root" + ("" if way == "." else f" / {json.dumps(way)}")
    code = _PYTHON.format(module=module, name=name, project=project)
    (request.target_path / "component.py").write_text(code, encoding="utf-8")


@contextmanager
def _raised_as_click_error(target: Path) -> Iterator[None]:
    """Raise an error as `dg` renders its own, and leave no empty folder behind."""
    try:
        yield
    except DelembicError as error:
        with suppress(OSError):  # it is not empty
            target.rmdir()
        raise click.ClickException(str(error)) from error
