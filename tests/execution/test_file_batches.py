"""A file, loaded chunk by chunk into every database: each record once, whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic.errors import MigrationFailedError, OtherBatchesError
from delembic.events import RowSkipped
from support.projects import ProjectFolder
from support.servers.backend import Backend

MIGRATION = """
from delembic import BatchedMigration, FileChunks, bulk_load

class Load(BatchedMigration):
    revision = "D001"
    depends_on = []
    batches = FileChunks("data/concept.csv", rows=100)
    on_error = {on_error!r}
    max_skipped = 5

    def upgrade_batch(self, conn, batch):
        bulk_load(conn, "concept", batch.file)
"""


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFolder:
    backend = Backend(request.param, request.getfixturevalue(f"{request.param}_url"))
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE concept (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)")
    return project


def _write(project: ProjectFolder, bad: tuple[int, ...] = (), on_error: str = "fail") -> None:
    lines = [f"{n},{'' if n in bad else f'name {n}'}" for n in range(1, 1_001)]
    project.write("data/concept.csv", "\n".join(["id,name", *lines, ""]))
    project.write("delembic/versions/D001.py", MIGRATION.format(on_error=on_error))


def test_a_file_is_loaded_in_chunks(project: ProjectFolder) -> None:
    _write(project)

    project.upgrade()

    assert project.value("SELECT count(*) FROM concept") == 1_000
    (attempt,) = project.attempts()
    assert attempt.rows_affected == 1_000


def test_a_row_that_does_not_fit_stops_it_with_its_line_and_keeps_what_is_before(
    project: ProjectFolder,
) -> None:
    _write(project, bad=(777,))

    with pytest.raises(MigrationFailedError, match=r"data/concept.csv, line 778"):
        project.upgrade()

    assert project.value("SELECT max(id) FROM concept") == 776
    assert project.value("SELECT count(*) FROM concept") == 776


def test_a_file_that_was_corrected_is_another_one(project: ProjectFolder) -> None:
    _write(project, bad=(777,))
    with pytest.raises(MigrationFailedError):
        project.upgrade()
    _write(project)

    with pytest.raises(OtherBatchesError, match="SHA-256 was"):
        project.upgrade()


def test_rows_that_do_not_fit_are_left_out_and_recorded(project: ProjectFolder) -> None:
    _write(project, bad=(5, 777, 1_000), on_error="skip")

    project.upgrade()

    assert project.value("SELECT count(*) FROM concept") == 997
    skipped = [event for event in project.events if isinstance(event, RowSkipped)]
    lines = [event.place.rpartition(" ")[2] for event in skipped]
    assert lines == ["6", "778", "1001"]
