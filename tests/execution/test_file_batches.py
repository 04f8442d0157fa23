"""A file, loaded chunk by chunk into every database: each record once, whatever happens."""

from __future__ import annotations

import gc
import gzip
from pathlib import Path

import pytest

from delembic.errors import MigrationFailedError, OtherBatchesError
from delembic.events import BatchDone, Resuming, RowSkipped
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


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """A project with an empty table."""
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


LINES = "".join(f'{number},"the {number}th\nof 9"\n' for number in range(1, 10))
"""Nine records with a newline in each."""


def _write_pairs(project: ProjectFolder, before: str = "pass", file: str = "data.csv") -> None:
    """Write a file of nine records, and a migration that loads two of them a batch."""
    project.write("data.csv", f"id,name\n{LINES}")
    # Without its time, so that it is the same file each time.
    packed = gzip.compress(f"id,name\n{LINES}".encode(), mtime=0)
    (project.root / "data.csv.gz").write_bytes(packed)
    source = f"""
        from delembic import BatchedMigration, FileChunks, bulk_load

        class Load(BatchedMigration):
            revision = "D001"
            batches = FileChunks({file!r}, rows=2)

            def upgrade_batch(self, conn, batch):
                {before}
                bulk_load(conn, "concept", batch.file)
    """
    project.write("delembic/versions/D001.py", source)


def ids(project: ProjectFolder) -> list[int]:
    return [row.id for row in project.rows("SELECT id FROM concept ORDER BY id")]


@pytest.mark.parametrize("file", ["data.csv", "data.csv.gz"])
def test_a_file_is_loaded_in_chunks_and_each_record_once(project: ProjectFolder, file: str) -> None:
    _write_pairs(project, "assert batch.line < 10, 'line ten'", file)
    with pytest.raises(MigrationFailedError, match="line ten"):
        project.upgrade()
    assert ids(project) == [1, 2, 3, 4]

    _write_pairs(project, file=file)
    project.upgrade()

    assert ids(project) == list(range(1, 10))
    events = [each for each in project.events if isinstance(each, BatchDone | Resuming)]
    assert [each.progress.rows for each in events] == [4, 6, 8, 9]


def test_another_file_is_refused_before_the_end(project: ProjectFolder) -> None:
    _write_pairs(project, "assert batch.line < 10, 'line ten'")
    with pytest.raises(MigrationFailedError):
        project.upgrade()
    project.write("data.csv", f"id,name\n{LINES}10,another\n")

    with pytest.raises(OtherBatchesError, match=r"SHA-256.*\n.*delembic restart D001"):
        project.upgrade()

    assert ids(project) == [1, 2, 3, 4]


def test_the_file_is_closed_however_the_run_ends(project: ProjectFolder) -> None:
    _write_pairs(project, "raise ValueError('gone wrong')")

    with pytest.raises(MigrationFailedError):
        project.upgrade()

    gc.collect()  # a file that is left open is a warning now, and a warning fails the test
