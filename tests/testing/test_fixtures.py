"""The fixtures of pytest, in a run of pytest of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.projects import ProjectFolder

TESTS = """
    def test_it(migration_tester):
        migration_tester.run_twice("D001")
        assert "NAME" in migration_tester.url
"""


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    folder = ProjectFolder(tmp_path / "project", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
    folder.write("pytest.ini", "[pytest]\nfilterwarnings = error\n")
    folder.write(
        "delembic/versions/D001.py",
        """
        from delembic import DataMigration

        class First(DataMigration):
            revision = "D001"

            def upgrade(self, conn):
                conn.exec_driver_sql("CREATE TABLE t (x INTEGER)")
        """,
    )
    return folder


def _pytest(folder: ProjectFolder) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    return subprocess.run(
        command, cwd=folder.root, capture_output=True, text=True, check=False
    ).stdout


def test_one_line_in_conftest_gives_a_tester_of_the_project_that_pytest_runs_in(
    folder: ProjectFolder,
) -> None:
    folder.write("conftest.py", 'pytest_plugins = ["delembic.testing.fixtures"]')
    folder.write("tests/test_it.py", TESTS.replace("NAME", "delembic.db"))

    assert "1 passed" in _pytest(folder)


def test_the_database_and_the_project_can_be_others(folder: ProjectFolder) -> None:
    folder.root.joinpath("delembic.ini").rename(folder.root / "other.ini")
    folder.write(
        "conftest.py",
        """
        import pytest
        from delembic import Config

        pytest_plugins = ["delembic.testing.fixtures"]

        @pytest.fixture
        def delembic_config(pytestconfig):
            return Config.load(pytestconfig.rootpath / "other.ini")

        @pytest.fixture
        def delembic_url(tmp_path):
            return f"sqlite:///{tmp_path / 'other.db'}"
        """,
    )
    folder.write("tests/test_it.py", TESTS.replace("NAME", "other.db"))

    assert "1 passed" in _pytest(folder)


def test_what_is_no_fixture_does_without_pytest() -> None:
    program = "import sys, delembic.testing; print('pytest' in sys.modules)"

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "False"
