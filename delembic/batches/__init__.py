"""BATCHES: what cuts long work, how large the pieces are, and what makes it wait."""

from delembic.batches.file_chunks import FileChunks
from delembic.batches.file_source import FileSource
from delembic.batches.key_ranges import KeyRanges
from delembic.batches.key_source import KeySource
from delembic.batches.pages import PageSource
from delembic.batches.source import Source
from delembic.migration import BatchedMigration

__all__ = ["source_of"]


def source_of(migration: BatchedMigration) -> Source:
    """Return what cuts the work of a migration."""
    batches = migration.batches
    if isinstance(batches, KeyRanges):
        return KeySource(batches)
    if isinstance(batches, FileChunks):
        return FileSource(batches)
    return PageSource(batches)
