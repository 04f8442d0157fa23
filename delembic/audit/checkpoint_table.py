"""The table ``delembic_checkpoint``, and the statements for it."""

from __future__ import annotations

from functools import cache

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from delembic.audit import tables
from delembic.database.columns import LongText, UtcDateTime
from delembic.database.places import place_of


def _table(prefix: str) -> Table:
    return Table(
        f"{prefix}_checkpoint",
        MetaData(),
        Column("revision", String(255), primary_key=True),
        Column("stripe", Integer, primary_key=True, autoincrement=False),
        Column("state", String(50), nullable=False),
        Column("source", LongText, nullable=False),
        Column("cursor", LongText),
        Column("upper_bound", LongText),
        Column("rows_done", BigInteger, nullable=False),
        Column("batches", BigInteger, nullable=False),
        Column("skipped", BigInteger, nullable=False),
        Column("batch_size", BigInteger, nullable=False),
        Column("rows_total", BigInteger),
        Column("position", Double),
        Column("rows_per_second", Double),
        Column("run_id", String(36)),
        Column("checksum", String(64)),
        Column("updated_at", UtcDateTime, nullable=False),
        **tables.OPTIONS,
    )


class CheckpointStatements:
    """The table of a project's checkpoints, and the statements for it, built once.

    Attributes:
        table: The table.
        of_revision: Reads the checkpoint of a revision.
        locked: The same, and keeps others from it until the transaction ends.
        add: Writes a new one.
        take: Writes over one, whoever's it is.
        move: Writes over one that still belongs to an attempt.
        switch: Writes over one that still has a state.
    """

    def __init__(self, prefix: str) -> None:
        self.table = _table(prefix)
        own = (
            self.table.c.revision == bindparam("of_revision"),
            self.table.c.stripe == bindparam("of_stripe"),
        )
        self.of_revision = select(self.table).where(*own)
        self.locked = self.of_revision.with_for_update()
        self.add = insert(self.table)
        self.take = update(self.table).where(*own)
        self.move = self.take.where(self.table.c.run_id == bindparam("of_attempt_id"))
        self.switch = self.take.where(self.table.c.state == bindparam("of_state"))


@cache
def _statements_with(prefix: str) -> CheckpointStatements:
    return CheckpointStatements(prefix)


def checkpoint_statements(conn: Connection | Engine) -> CheckpointStatements:
    """Return the statements for the checkpoints of the project of a connection."""
    return _statements_with(place_of(conn).prefix)


def checkpoint_table_of(conn: Connection | Engine) -> Table:
    """Return the table of the checkpoints, for the project of a connection."""
    return checkpoint_statements(conn).table
