"""The commands, one function for each: it takes arguments and returns a value.

No function here prints or exits. The command line and the Dagster adapter call the same functions.

Example:
    >>> from delembic import Config, commands
    >>> config = Config.find("example_project")
    >>> [entry.revision for entry in commands.history(config)][:2]
    ['D001', 'D002']
"""

from delembic.commands.marking import accept
from delembic.commands.projects import (
    AFTER_INIT,
    NewRevision,
    dialect_name,
    init,
    read_graph,
    revision,
)
from delembic.commands.reading import applied_schema, current, history, runs, runs_since, show
from delembic.commands.running import apply, settle, upgrade, verify, verify_each
from delembic.commands.tables import OwnTable, tables, tables_sql
from delembic.execution.acceptance import Acceptance
from delembic.execution.session import Session, open_session

__all__ = [
    "AFTER_INIT",
    "Acceptance",
    "NewRevision",
    "OwnTable",
    "Session",
    "accept",
    "applied_schema",
    "apply",
    "current",
    "dialect_name",
    "history",
    "init",
    "open_session",
    "read_graph",
    "revision",
    "runs",
    "runs_since",
    "settle",
    "show",
    "tables",
    "tables_sql",
    "upgrade",
    "verify",
    "verify_each",
]
