"""Keeps delembic's tables out of what Alembic's autogenerate compares.

They are in no metadata of the user's, so Alembic would drop them, and with them the record of what
was applied. Since 1.18, Alembic finds `setup` by its entry point. Older versions need one line in
``env.py``, for which `include_object` is made.

Alembic imports this module whenever it starts, so nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.operations.ops import MigrateOperation, UpgradeOps
    from alembic.runtime.plugins import Plugin
    from alembic.util import PriorityDispatchResult
    from sqlalchemy import Table

_log = logging.getLogger("alembic.autogenerate.delembic")
"""Below Alembic's own, which says of each table that it was removed."""


def include_object(
    item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any
) -> bool:
    """Return whether Alembic is to compare an object: all but delembic's own tables.

    Pass this to ``context.configure`` in ``env.py`` as ``include_object``, or call it from a
    function of your own.

    Args:
        item: The object.
        name: Its name.
        type_: Its kind, such as ``table``.
        reflected: Whether it comes from the database.
        compare_to: The object that it is compared with, if there is one.

    Example:
        >>> from sqlalchemy import MetaData, Table
        >>> from delembic.schema import include_object
        >>> tables = [Table(name, MetaData()) for name in ("customer", "delembic_version")]
        >>> [include_object(table, table.name, "table", True, None) for table in tables]
        [True, False]
    """
    return not (type_ == "table" and reflected and compare_to is None and _is_own(item))


def setup(plugin: Plugin) -> None:
    """Register what leaves the tables alone; Alembic calls this."""
    from alembic.util import DispatchPriority

    plugin.add_autogenerate_comparator(_leave_alone, "autogenerate", priority=DispatchPriority.LAST)


def _leave_alone(context: AutogenContext, upgrade_ops: UpgradeOps) -> PriorityDispatchResult:
    """Take out of the changes that were found what concerns delembic's tables."""
    from alembic.operations.ops import DropTableOp, ModifyTableOps
    from alembic.util import PriorityDispatchResult

    dropped = [op for op in upgrade_ops.ops if isinstance(op, DropTableOp)]
    own = {(op.schema, op.table_name) for op in dropped if _is_own(op.to_table())}

    def concerns_own(op: MigrateOperation) -> bool:
        return isinstance(op, DropTableOp | ModifyTableOps) and (op.schema, op.table_name) in own

    upgrade_ops.ops[:] = [op for op in upgrade_ops.ops if not concerns_own(op)]
    if own:
        names = ", ".join(sorted(name for _, name in own))
        _log.info("Left alone, since delembic keeps its record in them: %s", names)
    return PriorityDispatchResult.CONTINUE


def _is_own(table: Table) -> bool:
    """Whether a table is one of delembic's, by its name or, if it has another, by its columns."""
    from delembic.audit.tables import NAMES, history_table, version_table

    columns = table.columns.keys()
    return table.name in NAMES or any(
        set(each.columns.keys()) <= set(columns) for each in (version_table, history_table)
    )
