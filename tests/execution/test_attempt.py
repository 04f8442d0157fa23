"""What is written of an error; the promise of an attempt itself is in ``test_contract.py``."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from delembic import Phase, commands
from delembic.errors import MigrationFailedError
from support.projects import ProjectFolder
from support.servers.backend import Backend


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", backend.url)


class TestErrorText:
    @pytest.mark.parametrize(
        ("text", "recorded"),
        [
            ("'a\\0b'", "ValueError: a\\x00b"),
            ("'a\\udcffb'", "ValueError: a\\udcffb"),
            ("'Ä€𝄞'", "ValueError: Ä€𝄞"),
        ],
        ids=["zero byte", "half a character", "rare characters"],
    )
    def test_text_that_no_database_takes_is_recorded_all_the_same(
        self, project: ProjectFolder, text: str, recorded: str
    ) -> None:
        project.migration("D001", f"raise ValueError({text})")

        with pytest.raises(MigrationFailedError):
            project.upgrade()

        (attempt,) = project.attempts()
        assert attempt.status == "failed"
        assert attempt.exception.rstrip().endswith(recorded)
        assert project.states() == {"D001": "failed"}

    def test_of_a_very_long_one_the_end_is_kept(self, project: ProjectFolder) -> None:
        project.migration("D001", "raise ValueError('x' * 1_000_000 + ' the end')")

        with pytest.raises(MigrationFailedError):
            project.upgrade()

        (attempt,) = project.attempts()
        assert attempt.exception.endswith("xxx the end\n")
        assert 50_000 < len(attempt.exception) < 65_536


class TestPhases:
    """What an error is told as depends on how far the attempt had come."""

    def test_a_lock_met_at_begin_is_no_fault_of_the_migration(self, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path / 'data.sqlite'}")
        project.configure(lock_timeout="0", metadata_url=f"sqlite:///{tmp_path / 'audit.sqlite'}")
        project.migration("D001")
        project.upgrade()
        project.migration("D002")

        with sqlite3.connect(tmp_path / "data.sqlite", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(MigrationFailedError) as caught:
                project.upgrade()

        assert caught.value.phase == Phase.BEGIN
        assert caught.value.message.startswith("D002 could not begin: OperationalError:")
        assert "Correct the migration" not in caught.value.remedy
        (_, attempt) = commands.runs(project.config)[::-1]
        assert (attempt.status, attempt.reason.split(":")[0]) == ("failed", "OperationalError")

    @pytest.mark.parametrize("server", ["postgresql", "mariadb"])
    def test_a_connection_that_was_lost_is_no_fault_of_the_migration(
        self, request: pytest.FixtureRequest, tmp_path: Path, server: str
    ) -> None:
        url = request.getfixturevalue(f"{server}_url")
        project = ProjectFolder(tmp_path / "project", url)
        project.migration(
            "D001",
            f"""
            from support.sessions import end_all_sessions
            end_all_sessions({url!r})
            conn.exec_driver_sql("SELECT 1")
            """,
        )

        with pytest.raises(MigrationFailedError) as caught:
            project.upgrade()

        assert caught.value.phase == Phase.UPGRADE
        assert caught.value.remedy.startswith("The connection to the database was lost")

    def test_a_migration_that_raises_is_to_be_corrected(self, project: ProjectFolder) -> None:
        project.migration("D001", "raise ValueError('no rows')")

        with pytest.raises(MigrationFailedError) as caught:
            project.upgrade()

        assert caught.value.phase == Phase.UPGRADE
        assert "Correct the migration" in caught.value.remedy
