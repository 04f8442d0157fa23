"""A Dagster project for each test of the component."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dagster.components.testing.utils import create_defs_folder_sandbox

from support.component_sandbox import Sandbox


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with create_defs_folder_sandbox() as inner:
        monkeypatch.chdir(inner.project_root)
        yield Sandbox(inner)
