"""A Dagster project to try components in, within this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetsDefinition, Definitions
from dagster.components.testing.utils import DefsFolderSandbox

from delembic_dagster import DelembicProjectComponent

# Dagster reads YAML with a function that pydantic has deprecated, and adds code references to the
# definitions of a component, which it calls beta.
BETAS = [
    # It copies the sensors and external assets of a component in a way that it calls beta itself.
    pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer"),
    pytest.mark.filterwarnings("ignore:Parameter `execution_type` of function"),
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore:Class .*CodeReference.* is currently in beta"),
]


@dataclass
class Sandbox:
    """A Dagster project whose folder is also the working directory."""

    inner: DefsFolderSandbox

    @property
    def root(self) -> Path:
        return self.inner.project_root

    def scaffold(self, kind: type = DelembicProjectComponent, **options: Any) -> Path:
        return self.inner.scaffold_component(kind, "migrations", **options)

    def definitions(self) -> Definitions:
        with self.inner.build_all_defs() as defs:
            return defs


def assets(defs: Definitions) -> dict[str, AssetsDefinition]:
    return {
        asset.key.to_user_string(): asset
        for asset in defs.assets or ()
        if isinstance(asset, AssetsDefinition)
    }
