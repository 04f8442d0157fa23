"""BATCHES: what cuts long work, how large the pieces are, and what makes it wait."""

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
    return PageSource(batches)
