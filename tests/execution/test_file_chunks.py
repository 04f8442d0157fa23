"""A file that is loaded in chunks, held against every database."""

from __future__ import annotations

import gc
import gzip
import textwrap
from pathlib import Path

import pytest

from delembic.errors import MigrationFailedError, OtherBatchesError
from delembic.events import BatchDone, Resuming
from support.projects import ProjectFolder
from support.servers.backend import Backend

LINES = "".join(f'{number},"the {number}th\nof 9"\n' for number in range(1, 10))


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """A project with an empty table, and a file of nine records with a newline in each."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20))")
    project.write("data.csv", f"id,name\n{LINES}")
    with gzip.open(project.root / "data.csv.gz", "wt") as packed:
        packed.write(f"id,name\n{LINES}")
    return project


def write(project: ProjectFolder, before: str = "", file: str = "data.csv") -> None:
    """Write a migration that loads two records a batch."""
    source = f"""
        from delembic import BatchedMigration, FileChunks, bulk_load

        class Load(BatchedMigration):
            revision = "D001"
            batches = FileChunks({file!r}, rows=2)

            def upgrade_batch(self, conn, batch):
                {before or "pass"}
                bulk_load(conn, "t", batch.file)
    """
    (project.versions / "D001.py").write_text(textwrap.dedent(source))


def ids(project: ProjectFolder) -> list[int]:
    return [row.id for row in project.rows("SELECT id FROM t ORDER BY id")]


@pytest.mark.parametrize("file", ["data.csv", "data.csv.gz"])
def test_a_file_is_loaded_in_chunks_and_each_record_once(project: ProjectFolder, file: str) -> None:
    write(project, "assert batch.line < 10, 'line ten'", file)
    with pytest.raises(MigrationFailedError, match="line ten"):
        project.upgrade()
    assert ids(project) == [1, 2, 3, 4]

    write(project, file=file)
    project.upgrade()

    assert ids(project) == list(range(1, 10))
    events = [each for each in project.events if isinstance(each, BatchDone | Resuming)]
    assert [each.progress.rows for each in events] == [4, 6, 8, 9]


def test_another_file_is_refused_before_the_end(project: ProjectFolder) -> None:
    write(project, "assert batch.line < 10, 'line ten'")
    with pytest.raises(MigrationFailedError):
        project.upgrade()
    project.write("data.csv", f"id,name\n{LINES}10,another\n")

    with pytest.raises(OtherBatchesError, match=r"SHA-256.*\n.*delembic restart D001"):
        project.upgrade()

    assert ids(project) == [1, 2, 3, 4]


def test_the_file_is_closed_however_the_run_ends(project: ProjectFolder) -> None:
    write(project, "raise ValueError('gone wrong')")

    with pytest.raises(MigrationFailedError):
        project.upgrade()

    gc.collect()  # a file that is left open is a warning now, and a warning fails the test
