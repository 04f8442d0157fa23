"""Fixtures for pytest.

Request them in the ``conftest.py`` at the root of your tests::

    pytest_plugins = ["delembic.testing.fixtures"]

A test uses ``migration_tester``. The project and the database are fixtures too, which a
``conftest.py`` can override.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic.config import Config
from delembic.testing.tester import MigrationTester


@pytest.fixture
def delembic_config(pytestconfig: pytest.Config) -> Config:
    """The project to test: the ``delembic.ini`` in pytest's root folder or above it."""
    return Config.find(pytestconfig.rootpath)


@pytest.fixture
def delembic_url(tmp_path: Path) -> str:
    """The URL of an empty database for the test: a new SQLite file."""
    return f"sqlite:///{tmp_path / 'delembic.db'}"


@pytest.fixture
def migration_tester(delembic_config: Config, delembic_url: str) -> MigrationTester:
    """A tester that runs migrations of ``delembic_config`` on ``delembic_url``."""
    return MigrationTester(delembic_config, delembic_url)
