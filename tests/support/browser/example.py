"""A copy of the example that Dagster's user interface shows and tests change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]

ENVIRONMENT = {
    "DATABASE_URL": "",  # the database is the example's own file
    "LOGNAME": "ann",  # the page shows who ran it
    "PYTHONWARNINGS": "ignore",
}
"""Environment variables for all that runs the example, in addition to those of this machine."""


@dataclass(frozen=True)
class Example:
    """A copy of the example project, with its workspace and its tables.

    Attributes:
        folder: The folder of ``workspace.yaml``, as in the repository.
    """

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "example_project"

    @property
    def versions(self) -> Path:
        return self.project / "delembic" / "versions"

    @classmethod
    def copied_to(cls, folder: Path) -> Example:
        """Copy the example from the repository, and let Alembic create the tables."""
        folder.mkdir()
        leftovers = shutil.ignore_patterns("*.db*", "__pycache__")
        shutil.copytree(ROOT / "example_project", folder / "example_project", ignore=leftovers)
        shutil.copy(ROOT / "workspace.yaml", folder)
        example = cls(folder)
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=example.project,
            env=os.environ | ENVIRONMENT,
            check=True,
            capture_output=True,
        )
        return example
