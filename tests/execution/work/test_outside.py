"""Work outside of a transaction takes effect at least once, and is told as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic.errors import MigrationFailedError, MigrationFileError
from delembic.events import Failed, OutsideTransaction
from support.projects import ProjectFolder
from support.servers.backend import Backend

ONE = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER)")
    return project


def _outside(project: ProjectFolder, upgrade: str, value: str = "False") -> None:
    file = project.migration("D001", upgrade)
    head, body = file.read_text().split("    description = ")
    file.write_text(f"{head}    transaction = {value}\n    description = {body}")


def test_it_takes_effect_and_says_that_it_cannot_be_rolled_back(project: ProjectFolder) -> None:
    _outside(project, ONE)

    project.upgrade()
    project.upgrade()

    assert project.value("SELECT count(*) FROM t") == 1
    assert project.states() == {"D001": "applied"}
    assert project.statuses() == ["success"]


def test_it_is_announced(project: ProjectFolder) -> None:
    _outside(project, ONE)

    project.upgrade()

    assert OutsideTransaction("D001") in project.events


def test_a_failure_does_not_claim_that_anything_was_rolled_back(project: ProjectFolder) -> None:
    _outside(project, f"{ONE}\nraise ValueError('no rows')")

    with pytest.raises(MigrationFailedError) as caught:
        project.upgrade()

    (failed,) = [each for each in project.events if isinstance(each, Failed)]
    assert not failed.rolled_back
    assert "outside of a transaction" in caught.value.remedy
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.states() == {"D001": "failed"}


def test_a_value_that_is_neither_true_nor_false_is_refused(project: ProjectFolder) -> None:
    _outside(project, ONE, "'no'")

    with pytest.raises(MigrationFileError, match=r"(?:has to|must) be True or False"):
        project.upgrade()


@pytest.mark.parametrize(
    "statement", ["CREATE INDEX CONCURRENTLY i ON t (x)", "VACUUM t"], ids=["index", "vacuum"]
)
def test_postgresql_takes_what_it_refuses_inside_of_one(
    postgresql_url: str, tmp_path: Path, statement: str
) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE TABLE t (x INTEGER)")
    _outside(project, f"conn.exec_driver_sql({statement!r})")

    project.upgrade()

    assert project.states() == {"D001": "applied"}


def test_a_database_in_memory_outlives_it(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", "sqlite://")
    _outside(project, "conn.exec_driver_sql('CREATE TABLE t (x INTEGER)')")
    project.migration("D002", ONE, depends_on=("D001",))

    outcomes = project.upgrade()

    assert len(outcomes) == 2


class TestForeignKeysOfSqlite:
    @pytest.fixture
    def project(self, sqlite_url: str, tmp_path: Path) -> ProjectFolder:
        return ProjectFolder(tmp_path / "project", sqlite_url)

    def test_a_pragma_that_would_be_ignored_is_refused(self, project: ProjectFolder) -> None:
        project.migration("D001", "conn.exec_driver_sql('PRAGMA foreign_keys = OFF')")

        with pytest.raises(MigrationFailedError, match="transaction = False"):
            project.upgrade()

    def test_it_works_outside_of_a_transaction(self, project: ProjectFolder) -> None:
        _outside(
            project,
            """
            conn.exec_driver_sql('PRAGMA foreign_keys = ON')
            assert conn.exec_driver_sql('PRAGMA foreign_keys').scalar() == 1
            """,
        )

        project.upgrade()

        assert project.states() == {"D001": "applied"}
