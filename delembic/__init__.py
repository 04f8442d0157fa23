"""Versions data changes the way Alembic versions schema changes.

The names below are the public ones. Importing `delembic` is quick: SQLAlchemy and click are
imported when a name that needs them is first used.

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
from delembic.migration import DataMigration

if TYPE_CHECKING:
    from delembic import commands, errors, events
    from delembic.audit.attempts import Attempt
    from delembic.audit.bookmark import Bookmark
    from delembic.audit.program import Program
    from delembic.audit.standing import Standing
    from delembic.audit.status import State
    from delembic.events import Verification
    from delembic.revisions.graph import Graph
    from delembic.revisions.source import Revision

__all__ = [
    "Attempt",
    "Bookmark",
    "Config",
    "ConfigurationError",
    "DataMigration",
    "DefinitionError",
    "DelembicError",
    "Graph",
    "LockTimeoutError",
    "MigrationBlockedError",
    "MigrationFailedError",
    "Program",
    "Revision",
    "SchemaNotReadyError",
    "Standing",
    "State",
    "Verification",
    "commands",
    "errors",
    "events",
]

_HOMES = {
    "Attempt": "delembic.audit.attempts",
    "Bookmark": "delembic.audit.bookmark",
    "Graph": "delembic.revisions.graph",
    "Program": "delembic.audit.program",
    "Revision": "delembic.revisions.source",
    "Standing": "delembic.audit.standing",
    "State": "delembic.audit.status",
    "Verification": "delembic.events",
}
_MODULES = frozenset({"commands", "errors", "events"})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"delembic.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'delembic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
