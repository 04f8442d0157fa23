"""The statements that read and write the audit log.

They are built once for each pair of tables. For most of them, building the statement and finding it
in SQLAlchemy's cache would take longer than executing it.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, Table, bindparam, case, func, insert, select, update

from delembic.audit.entries import is_operation
from delembic.audit.share import in_share
from delembic.audit.tables import Tables
from delembic.status import Status


class Statements:
    """The statements for the audit log of one pair of tables.

    Their parameters are called ``of_…``, because those of an UPDATE are called as its columns.

    Args:
        tables: The audit log, and the marks beside it.

    Attributes:
        by_name: The attempt with an id. It may be one of another database: the id comes from a
            mark, and no two attempts have the same.
        id_by_name: The number of its entry.
        past: How many attempts at a revision there were, and the last that succeeded.
        unfinished: The running attempts, without those of delembic 1.x, which have no id.
        unfinished_of_revision: Those at one revision.
        unproven: The attempts that a mark may yet prove wrong.
        add: Writes an entry.
        end: Ends an attempt.
        end_unless_settled: Ends an attempt that nobody else has ended for good.
        end_with_mark: Ends an attempt if its mark is beside the log.
        end_as_read: Ends an attempt that still has the status with which it was read.
    """

    def __init__(self, tables: Tables) -> None:
        table, marks = tables.history, tables.version
        attempts = select(table).where(is_operation(table.c.operation))
        own_attempts = attempts.where(in_share(table.c.database_id))
        of_revision = table.c.revision == bindparam("of_revision")
        of_name = table.c.run_id == bindparam("of_attempt_id")

        self.by_name = attempts.where(of_name)
        self.id_by_name = select(table.c.id).where(of_name)
        self.past = own_attempts.where(of_revision).with_only_columns(
            func.count(), func.max(case((table.c.status == Status.SUCCESS, table.c.id)))
        )
        self.unfinished = own_attempts.where(
            table.c.status == Status.RUNNING, table.c.run_id.is_not(None)
        ).order_by(table.c.id)
        self.unfinished_of_revision = self.unfinished.where(of_revision)
        self.unproven = own_attempts.where(
            table.c.status.in_([Status.INTERRUPTED, Status.FAILED]), ~_has_succeeded(table)
        ).order_by(table.c.id)

        self.add = insert(table)
        self.end = update(table).where(of_name)
        self.end_unless_settled = self.end.where(
            table.c.status.in_([Status.RUNNING, Status.INTERRUPTED])
        )
        self.end_with_mark = self.end.where(
            select(marks.c.revision)
            .where(marks.c.revision == table.c.revision)
            .where(marks.c.run_id == table.c.run_id, marks.c.status == Status.SUCCESS)
            .exists()
        )
        self.end_as_read = update(table).where(
            # By its number: entries of delembic 1.x have no attempt id.
            table.c.id == bindparam("of_id"),
            table.c.status == bindparam("of_status"),
        )


@cache
def statements_for(tables: Tables) -> Statements:
    """Return the statements for a pair of tables, built once."""
    return Statements(tables)


def _has_succeeded(table: Table) -> ColumnElement[bool]:
    """Return the condition that an attempt at the same revision has succeeded."""
    other = table.alias()
    return (
        select(other.c.id)
        .where(other.c.revision == table.c.revision, other.c.status == Status.SUCCESS)
        .where(is_operation(other.c.operation), in_share(other.c.database_id))
        .exists()
    )
