"""What is written of an error; the promise of an attempt itself is in ``test_contract.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

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
