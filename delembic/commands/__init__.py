"""The commands, one function for each: it takes arguments and returns a value.

No function here prints or exits. The command line and the Dagster adapter call the same functions.

Example:
    >>> from delembic import Config, commands
    >>> config = Config.find("example_project")
    >>> [entry.revision for entry in commands.history(config)][:2]
    ['D001', 'D002']
"""

from delembic.commands.batching import pause, progress, restart, resume
from delembic.commands.checking import check
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
from delembic.inspection.finding import Finding, Rule

__all__ = [
    "AFTER_INIT",
    "Acceptance",
    "Finding",
    "NewRevision",
    "OwnTable",
    "Rule",
    "Session",
    "accept",
    "applied_schema",
    "apply",
    "check",
    "current",
    "dialect_name",
    "history",
    "init",
    "open_session",
    "pause",
    "progress",
    "read_graph",
    "restart",
    "resume",
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
