"""A project for Dagster's command `dg`, and the command."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PYPROJECT = """\
[project]
name = "shop"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "shop"
registry_modules = ["shop.components.*"]
"""

DEFINITIONS = """\
from pathlib import Path

from dagster import definitions, load_from_defs_folder


@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@dataclass
class DgProject:
    """A project with those files of ``create-dagster project shop`` that `dg` reads.

    Attributes:
        root: The folder of ``pyproject.toml``, which must exist.
    """

    root: Path

    def __post_init__(self) -> None:
        package = self.root / "src" / "shop"
        for folder in (package, package / "defs", package / "components"):
            folder.mkdir(parents=True)
            (folder / "__init__.py").touch()
        (package / "definitions.py").write_text(DEFINITIONS)
        (self.root / "pyproject.toml").write_text(PYPROJECT)
        (self.root / "home").mkdir()
        (self.root / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    @property
    def defs_yaml(self) -> Path:
        """The file that defines the component ``migrations``."""
        return self.root / "src" / "shop" / "defs" / "migrations" / "defs.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that `dg` needs, because the project is not installed."""
        return {
            "COLUMNS": "200",
            "DAGSTER_HOME": str(self.root / "home"),
            "PYTHONPATH": str(self.root / "src"),
        }

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run `dg`, and return both streams as they appear on a wide terminal.

        Raises:
            AssertionError: It failed, or did not fail as expected.
        """
        result = subprocess.run(
            [Path(sys.executable).parent / "dg", *arguments],
            cwd=self.root,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (result.returncode != 0) == fails, result.stdout
        return result.stdout
