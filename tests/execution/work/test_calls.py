"""What the methods of a migration return."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic import MigrationFailedError
from support.projects import ProjectFolder
from support.servers.backend import Backend


def _project(backend: Backend, tmp_path: Path, validate: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    project.migration("D001", "conn.exec_driver_sql('INSERT INTO t VALUES (1)')", validate=validate)
    return project


class TestValidate:
    def test_false_fails_and_rolls_back(self, backend: Backend, tmp_path: Path) -> None:
        project = _project(backend, tmp_path, "return 1 == 2")

        with pytest.raises(MigrationFailedError) as failure:
            project.upgrade()

        assert failure.value.phase == "validate"
        assert failure.value.reason == (
            "ReturnedFalseError: validate() returned False. An assert with a message would also"
            " tell what it found."
        )
        assert project.value("SELECT count(*) FROM t") == 0

    @pytest.mark.parametrize("answer", ["True", "None"])
    def test_true_and_nothing_pass(self, sqlite_url: str, tmp_path: Path, answer: str) -> None:
        project = _project(Backend("sqlite", sqlite_url), tmp_path, f"return {answer}")

        project.upgrade()

        assert project.statuses() == ["success"]

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ("1", "int"),
            ("0", "int"),
            ("'secret'", "str"),
            ("[]", "list"),
            ("conn.exec_driver_sql('SELECT 1')", "CursorResult"),
            ("NotImplemented", "NotImplementedType"),
        ],
    )
    def test_anything_else_is_refused_by_its_type(
        self, sqlite_url: str, tmp_path: Path, answer: str, kind: str
    ) -> None:
        project = _project(Backend("sqlite", sqlite_url), tmp_path, f"return {answer}")

        with pytest.raises(MigrationFailedError) as failure:
            project.upgrade()

        assert failure.value.reason == (
            f"UnclearAnswerError: validate() returned {kind}, which says neither yes nor no. Return"
            " True or False, or return nothing and raise an error if the data is wrong, as assert"
            " does."
        )

    def test_false_does_not_pass_a_verification(self, backend: Backend, tmp_path: Path) -> None:
        project = _project(
            backend,
            tmp_path,
            "return conn.exec_driver_sql('SELECT count(*) FROM t').scalar() == 1",
        )
        project.upgrade()
        project.execute("DELETE FROM t")

        (found,) = project.verify()

        assert not found.passed
        assert (found.reason or "").startswith("ReturnedFalseError: ")

    def test_false_fails_outside_of_a_transaction(self, sqlite_url: str, tmp_path: Path) -> None:
        project = _project(Backend("sqlite", sqlite_url), tmp_path, "return False")
        file = project.versions / "D001.py"
        outside = "    transaction = False\n    def upgrade"
        file.write_text(file.read_text().replace("    def upgrade", outside))

        with pytest.raises(MigrationFailedError, match="ReturnedFalseError"):
            project.upgrade()
