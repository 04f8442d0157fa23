"""Checks the attributes of a migration in batches before it runs."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from delembic.errors import MigrationFileError
from delembic.migration import BatchedMigration, Batches, DataMigration

_Finding = tuple[str, str]


def check_batches(
    migration: BatchedMigration, fault: Callable[[str, str], MigrationFileError]
) -> None:
    """Refuse a migration in batches that cannot be run as it is.

    Args:
        migration: The migration that is to be applied.
        fault: Makes the error from a problem, whose text continues the class name, and a remedy.

    Raises:
        MigrationFileError: What ``fault`` returned.
    """
    for problem, remedy in _findings(migration):
        raise fault(problem, remedy)


def _findings(migration: BatchedMigration) -> Iterator[_Finding]:
    if type(migration).upgrade is not DataMigration.upgrade:
        yield (
            ".upgrade is never called in a BatchedMigration",
            "Put the work into upgrade_batch(self, conn, batch), and what is to be done once before"
            " it into prepare(self, conn).",
        )
    if migration.transaction is False:
        yield (
            ".transaction = False has no meaning in a BatchedMigration",
            "Remove it: each batch is a transaction of its own.",
        )
    yield from _of_batches(migration)
    yield from _of_sizes(migration)
    yield from _of_errors(migration)
    yield from _of_throttle(migration.throttle)


def _of_batches(migration: BatchedMigration) -> Iterator[_Finding]:
    batches = migration.batches
    if batches is None:
        yield (
            " has no batches",
            "Say what cuts its work: batches = KeyRanges('table'), or FileChunks('file.csv').",
        )
    elif not isinstance(batches, Batches) and not all(
        callable(getattr(batches, name, None)) for name in ("next", "total")
    ):
        yield (
            f".batches is {reprlib.repr(batches)}, which cannot cut its work",
            "Use KeyRanges or FileChunks, or an object with next(conn, cursor, size) and"
            " total(conn).",
        )


def _of_sizes(migration: BatchedMigration) -> Iterator[_Finding]:
    if not _is_count(migration.batch_size):
        yield (
            f".batch_size is {reprlib.repr(migration.batch_size)}",
            "Make it a number of rows, from 1: batch_size = 10_000.",
        )
    seconds = migration.batch_seconds
    if seconds is not None and not (_is_number(seconds) and seconds > 0):
        yield (
            f".batch_seconds is {reprlib.repr(seconds)}",
            "Make it a number of seconds above 0, or None to keep the size.",
        )
    limits: object = migration.batch_size_limits
    if not _is_range(limits):
        yield (
            f".batch_size_limits is {reprlib.repr(limits)}",
            "Make it the smallest and the largest size: batch_size_limits = (100, 100_000).",
        )


def _of_errors(migration: BatchedMigration) -> Iterator[_Finding]:
    if migration.on_error not in ("fail", "skip"):
        yield (
            f".on_error is {reprlib.repr(migration.on_error)}",
            "Make it 'fail', or 'skip' to leave out the rows that cannot be done.",
        )
    elif migration.on_error == "skip" and not _is_count(migration.max_skipped):
        yield (
            f".max_skipped is {reprlib.repr(migration.max_skipped)}",
            "With on_error = 'skip', say how many rows may be left out: max_skipped = 100.",
        )


def _of_throttle(throttle: object) -> Iterator[_Finding]:
    each = throttle if isinstance(throttle, Iterable) else [throttle]
    if not all(map(callable, each)):
        yield (
            f".throttle is {reprlib.repr(throttle)}",
            "Make it a list such as [ReplicationLag(seconds=5)], or a method throttle(self, conn).",
        )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_range(value: Any) -> bool:
    match value:
        case (low, high):
            return _is_count(low) and _is_count(high) and bool(low <= high)
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
