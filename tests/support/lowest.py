"""The oldest versions that pyproject.toml allows, as constraints for pip: ``make lowest``."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
# The test tools are as new as possible.
EXTRAS = ("alembic", "dagster", "mysql", "postgresql")


def oldest_versions() -> Iterator[str]:
    """Yield a line for each direct dependency of delembic; indirect ones may be newer."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    optional = [text for extra in EXTRAS for text in project["optional-dependencies"][extra]]
    bounds: dict[str, list[Version]] = defaultdict(list)
    for requirement in map(Requirement, [*project["dependencies"], *optional]):
        if requirement.marker is None or requirement.marker.evaluate():
            bounds[requirement.name] += [
                Version(each.version) for each in requirement.specifier if each.operator == ">="
            ]
    for name, versions in bounds.items():
        yield f"{name}=={max(versions)}"


if __name__ == "__main__":
    print(*oldest_versions(), sep="\n")
