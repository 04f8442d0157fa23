"""The statements that read and write the audit log.

They are built once, when the module is imported. For most of them, building the statement and
finding it in SQLAlchemy's cache would take longer than executing it.
"""

from __future__ import annotations

from sqlalchemy import bindparam, case, func, insert, select, update

from delembic.audit import tables
from delembic.audit.entries import is_operation
from delembic.audit.share import in_share
from delembic.status import Status

_table = tables.history_table
_attempts = select(_table).where(is_operation(_table.c.operation))
"""All attempts, without the verifications."""
OWN_ATTEMPTS = _attempts.where(in_share(_table.c.database_id))
"""The attempts at the revisions of this work database."""

_of_revision = _table.c.revision == bindparam("of_revision")
# Not only its own: the id comes from a mark, and no two attempts have the same.
BY_NAME = _attempts.where(_table.c.run_id == bindparam("of_attempt_id"))
PAST = OWN_ATTEMPTS.where(_of_revision).with_only_columns(
    func.count(), func.max(case((_table.c.status == Status.SUCCESS, _table.c.id)))
)
"""How many attempts there were, and the last that succeeded."""
# Without the rows of delembic 1.x, whose marks do not name an attempt.
UNFINISHED = OWN_ATTEMPTS.where(
    _table.c.status == Status.RUNNING, _table.c.run_id.is_not(None)
).order_by(_table.c.id)
UNFINISHED_OF_REVISION = UNFINISHED.where(_of_revision)

_other = _table.alias()
UNPROVEN = OWN_ATTEMPTS.where(
    _table.c.status.in_([Status.INTERRUPTED, Status.FAILED]),
    ~select(_other.c.id)
    .where(_other.c.revision == _table.c.revision, _other.c.status == Status.SUCCESS)
    .where(is_operation(_other.c.operation), in_share(_other.c.database_id))
    .exists(),
).order_by(_table.c.id)

ADD = insert(_table)
END = update(_table).where(_table.c.run_id == bindparam("of_attempt_id"))
END_UNLESS_SETTLED = END.where(_table.c.status.in_([Status.RUNNING, Status.INTERRUPTED]))
_marks = tables.version_table
END_WITH_MARK = END.where(
    select(_marks.c.revision)
    .where(_marks.c.revision == _table.c.revision)
    .where(_marks.c.run_id == _table.c.run_id, _marks.c.status == Status.SUCCESS)
    .exists()
)
"""Ends an attempt only if the database has its mark, where the marks are beside the log."""
END_AS_READ = update(_table).where(
    # By its number: rows of delembic 1.x have no attempt id.
    _table.c.id == bindparam("of_id"),
    _table.c.status == bindparam("of_status"),
)

ID_BY_NAME = select(_table.c.id).where(_table.c.run_id == bindparam("of_attempt_id"))
