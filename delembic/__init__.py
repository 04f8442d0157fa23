"""Versions data changes the way Alembic versions schema changes.

The names below are public. Importing `delembic` is fast: SQLAlchemy and click are imported only
when a name that needs them is first used.

Example:
    >>> from delembic import Config, commands
    >>> commands.history(Config.find("example_project"))[0].revision
    'D001'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from delembic.config import Config
from delembic.errors import (
    ConfigurationError,
    DefinitionError,
    DelembicError,
    LockTimeoutError,
    MigrationBlockedError,
    MigrationFailedError,
    SchemaNotReadyError,
)
from delembic.migration import BatchedMigration, DataMigration

if TYPE_CHECKING:
    from delembic import commands, errors, events
    from delembic.audit.entries import LogEntry
    from delembic.audit.entries import LogEntry as Attempt
    from delembic.audit.program import Program
    from delembic.batches.file_chunks import FileBatch, FileChunks
    from delembic.batches.key_ranges import KeyBatch, KeyRanges
    from delembic.batches.throttles import BlockedSessions, Pause, ReplicationLag
    from delembic.events import Progress, Verification
    from delembic.history.bookmark import Bookmark
    from delembic.history.standing import Standing
    from delembic.loading.bulk import Loaded, bulk_load
    from delembic.presentation.figures import seconds_in
    from delembic.presentation.milestones import Milestones
    from delembic.presentation.narration import narrate
    from delembic.revisions.graph import Graph
    from delembic.revisions.progression import Progression
    from delembic.revisions.source import Revision
    from delembic.status import Operation, Phase, State, Status

__all__ = [
    "Attempt",
    "BatchedMigration",
    "BlockedSessions",
    "Bookmark",
    "Config",
    "ConfigurationError",
    "DataMigration",
    "DefinitionError",
    "DelembicError",
    "FileBatch",
    "FileChunks",
    "Graph",
    "KeyBatch",
    "KeyRanges",
    "Loaded",
    "LockTimeoutError",
    "LogEntry",
    "MigrationBlockedError",
    "MigrationFailedError",
    "Milestones",
    "Operation",
    "Pause",
    "Phase",
    "Program",
    "Progress",
    "Progression",
    "ReplicationLag",
    "Revision",
    "SchemaNotReadyError",
    "Standing",
    "State",
    "Status",
    "Verification",
    "bulk_load",
    "commands",
    "errors",
    "events",
    "narrate",
    "seconds_in",
]

_HOMES = {
    "BlockedSessions": "delembic.batches.throttles",
    "Bookmark": "delembic.history.bookmark",
    "FileBatch": "delembic.batches.file_chunks",
    "FileChunks": "delembic.batches.file_chunks",
    "Graph": "delembic.revisions.graph",
    "KeyBatch": "delembic.batches.key_ranges",
    "KeyRanges": "delembic.batches.key_ranges",
    "Loaded": "delembic.loading.bulk",
    "LogEntry": "delembic.audit.entries",
    "Milestones": "delembic.presentation.milestones",
    "Operation": "delembic.status",
    "Pause": "delembic.batches.throttles",
    "Phase": "delembic.status",
    "Program": "delembic.audit.program",
    "Progress": "delembic.events",
    "Progression": "delembic.revisions.progression",
    "ReplicationLag": "delembic.batches.throttles",
    "Revision": "delembic.revisions.source",
    "Standing": "delembic.history.standing",
    "State": "delembic.status",
    "Status": "delembic.status",
    "Verification": "delembic.events",
    "bulk_load": "delembic.loading.bulk",
    "narrate": "delembic.presentation.narration",
    "seconds_in": "delembic.presentation.figures",
}
_FORMER = {"Attempt": "LogEntry"}
"""Old names that are still public, with the names that replaced them."""
_MODULES = frozenset({"commands", "errors", "events"})


def __getattr__(name: str) -> Any:
    name = _FORMER.get(name, name)
    if name in _MODULES:
        return import_module(f"delembic.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'delembic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
