"""The checkpoints in ``delembic_checkpoint``: how far migrations in batches have come.

A checkpoint is written in the same transaction as the batch that it counts. So a batch and its
record take effect together or not at all, and a later run goes on exactly where an earlier one
stopped. The row is locked for as long as a batch runs, so that two runs never do the same batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from delembic.audit import tables
from delembic.audit.checkpoint_table import checkpoint_statements, checkpoint_table_of
from delembic.audit.cursors import decode, encode
from delembic.database.connections import execute_reconnecting
from delembic.database.dialects import kind_of
from delembic.database.places import own_options
from delembic.errors import CheckpointGoneError
from delembic.events import Progress

_ONLY_STRIPE = 0


class CheckpointState(StrEnum):
    """The values of the column ``state`` of ``delembic_checkpoint``."""

    GOING = "going"
    """The next run goes on, if none does so now."""

    HELD = "held"
    """Somebody has paused it; no run goes on before somebody resumes it."""

    DONE = "done"
    """The migration was applied."""

    FORGOTTEN = "forgotten"
    """Somebody has restarted it; the next run begins anew."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A row of ``delembic_checkpoint``.

    Attributes:
        revision: The migration's revision.
        state: Whether a run may go on.
        source: What cuts the work into batches: its kind, and what must stay as it is.
        cursor: How far the work has come; ``None`` before the first batch.
        bound: Where it ends, as it was found at the beginning.
        rows: How many rows are done.
        batches: In how many batches.
        skipped: How many of the rows were left out.
        size: The size of the next batch.
        total: About how many rows there are; ``None`` if nobody knows.
        position: How far the work has come in the range of keys or in the file, from 0 to 1;
            ``None`` if nobody knows.
        rows_per_second: The rate of the last batches; ``None`` before the first.
        attempt_id: The attempt that works on it, or was the last to do so.
        checksum: Of the migration's file at that attempt.
        updated_at: When it was written, in UTC.
    """

    revision: str
    state: str
    source: Mapping[str, Any]
    cursor: Any = None
    bound: Any = None
    rows: int = 0
    batches: int = 0
    skipped: int = 0
    size: int = 0
    total: int | None = None
    position: float | None = None
    rows_per_second: float | None = None
    attempt_id: str | None = None
    checksum: str | None = None
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def has_begun(self) -> bool:
        """Whether there is something to go on with."""
        return self.state in (CheckpointState.GOING, CheckpointState.HELD)

    @property
    def is_held(self) -> bool:
        """Whether somebody has paused it."""
        return self.state == CheckpointState.HELD

    def moved(self, **values: Any) -> Checkpoint:
        """Return it as of now, with other values."""
        return replace(self, updated_at=datetime.now(UTC), **values)

    @property
    def progress(self) -> Progress:
        """How far the work has come."""
        return Progress(
            revision=self.revision,
            rows=self.rows,
            batches=self.batches,
            skipped=self.skipped,
            size=self.size,
            total=self.total,
            position=self.position,
            rows_per_second=self.rows_per_second,
            held=self.is_held,
            updated_at=self.updated_at if self.batches else None,
        )


def read_checkpoints(conn: Connection) -> dict[str, Checkpoint]:
    """Return all checkpoints by revision; none if there is no table. Writes nothing.

    Args:
        conn: Any open connection that leads to delembic's tables.
    """
    rows = tables.read(conn, checkpoint_table_of(conn))
    return {row.revision: _checkpoint(row) for row in rows if row.stripe == _ONLY_STRIPE}


def read_checkpoint(conn: Connection, revision: str) -> Checkpoint | None:
    """Return the checkpoint of one revision, read afresh.

    Args:
        conn: The home connection, on a database that `tables.ensure` has prepared.
        revision: The revision to look for.
    """
    row = execute_reconnecting(
        conn, checkpoint_statements(conn).of_revision, _own(revision)
    ).first()
    return _checkpoint(row) if row else None


def lock_checkpoint(conn: Connection, revision: str, schema: str | None) -> Checkpoint | None:
    """Return the checkpoint of a revision, and keep others from it until the transaction ends.

    Args:
        conn: The work connection, in a transaction.
        revision: The revision to look for.
        schema: Where the table is; ``None`` if the name alone has to do.
    """
    row = conn.execute(
        checkpoint_statements(conn).locked, _own(revision), execution_options=own_options(schema)
    ).first()
    return _checkpoint(row) if row else None


def take_checkpoint(
    conn: Connection, checkpoint: Checkpoint, schema: str | None, *, is_new: bool
) -> None:
    """Write the checkpoint of an attempt that begins the work or goes on with it.

    From then on, no earlier attempt can commit a batch.

    Args:
        conn: As for `lock_checkpoint`, which was called on it. The caller commits it.
        checkpoint: The checkpoint, with the attempt's id.
        schema: As for `lock_checkpoint`.
        is_new: Whether there is no row yet.

    Raises:
        IntegrityError: Another attempt has written a row in the meantime.
    """
    statements = checkpoint_statements(conn)
    if is_new:
        values = {"revision": checkpoint.revision, "stripe": _ONLY_STRIPE, **_values(checkpoint)}
        conn.execute(statements.add, values, execution_options=own_options(schema))
    else:
        values = {**_own(checkpoint.revision), **_values(checkpoint)}
        conn.execute(statements.take, values, execution_options=own_options(schema))


def save_checkpoint(conn: Connection, checkpoint: Checkpoint, schema: str | None) -> None:
    """Write a checkpoint over the one before.

    Args:
        conn: As for `lock_checkpoint`. The caller commits it with the batch.
        checkpoint: The checkpoint, with the batch in it.
        schema: As for `lock_checkpoint`.

    Raises:
        CheckpointGoneError: It belongs to another attempt by now, or the database ignored the
            statement, or a temporary table hides the table.
    """
    statements = checkpoint_statements(conn)
    name = tables.name_of(conn, statements.table, schema)
    if kind_of(conn.dialect.name).is_shadowed(conn, name):
        raise CheckpointGoneError(name.table)
    own = {**_own(checkpoint.revision), "of_attempt_id": checkpoint.attempt_id}
    options = {**own_options(schema), "preserve_rowcount": True}
    result = conn.execute(
        statements.move, {**own, **_values(checkpoint)}, execution_options=options
    )
    if result.rowcount != 1:
        raise CheckpointGoneError(statements.table.name)


def set_state(
    conn: Connection, revision: str, state: CheckpointState, before: CheckpointState
) -> bool:
    """Change the state of a checkpoint that has another one.

    A batch that is running holds the row, so this waits for its end.

    Args:
        conn: In autocommit mode.
        revision: The revision.
        state: The new state.
        before: The state that it must have now.

    Returns:
        Whether it had that state.
    """
    values = {
        **_own(revision),
        "of_state": before,
        "state": state,
        "updated_at": datetime.now(UTC),
    }
    return bool(execute_reconnecting(conn, checkpoint_statements(conn).switch, values).rowcount)


def _own(revision: str) -> dict[str, Any]:
    return {"of_revision": revision, "of_stripe": _ONLY_STRIPE}


def _values(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "state": checkpoint.state,
        "source": encode(checkpoint.source),
        "cursor": None if checkpoint.cursor is None else encode(checkpoint.cursor),
        "upper_bound": None if checkpoint.bound is None else encode(checkpoint.bound),
        "rows_done": checkpoint.rows,
        "batches": checkpoint.batches,
        "skipped": checkpoint.skipped,
        "batch_size": checkpoint.size,
        "rows_total": checkpoint.total,
        "position": checkpoint.position,
        "rows_per_second": checkpoint.rows_per_second,
        "run_id": checkpoint.attempt_id,
        "checksum": checkpoint.checksum,
        "updated_at": checkpoint.updated_at,
    }


def _checkpoint(row: Row[Any]) -> Checkpoint:
    return Checkpoint(
        revision=row.revision,
        state=row.state,
        source=decode(row.source),
        cursor=None if row.cursor is None else decode(row.cursor),
        bound=None if row.upper_bound is None else decode(row.upper_bound),
        rows=row.rows_done,
        batches=row.batches,
        skipped=row.skipped,
        size=row.batch_size,
        total=row.rows_total,
        position=row.position,
        rows_per_second=row.rows_per_second,
        attempt_id=row.run_id,
        checksum=row.checksum,
        updated_at=row.updated_at,
    )
