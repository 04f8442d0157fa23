"""DIALECTS: what differs between kinds of databases, with one module for each kind."""

from delembic.database.dialects.interfaces import Name, SessionLocks, Trouble, Witness
from delembic.database.dialects.kind import DatabaseKind
from delembic.database.dialects.loads.cargo import (
    Cargo,
    Form,
    Hold,
    Landed,
    Merge,
    MisfitError,
    Tally,
)
from delembic.database.dialects.loads.sending import in_transaction
from delembic.database.dialects.mysql import MySQL
from delembic.database.dialects.other import Other
from delembic.database.dialects.postgresql import PostgreSQL
from delembic.database.dialects.sqlite import SQLite

__all__ = [
    "Cargo",
    "DatabaseKind",
    "Form",
    "Hold",
    "Landed",
    "Merge",
    "MisfitError",
    "Name",
    "Other",
    "SessionLocks",
    "Tally",
    "Trouble",
    "Witness",
    "in_transaction",
    "kind_of",
    "known_kinds",
    "register",
]

_OTHER = Other()
_kinds: dict[str, DatabaseKind] = {}


def register(kind: DatabaseKind) -> None:
    """Register a kind for the databases with its names.

    Example:
        >>> class Oracle(Other):
        ...     names = ("oracle",)
        >>> register(Oracle())
        >>> type(kind_of("oracle")).__name__
        'Oracle'
    """
    _kinds.update(dict.fromkeys(kind.names, kind))


def kind_of(name: str) -> DatabaseKind:
    """Return the kind with a name of SQLAlchemy's, such as ``engine.dialect.name``."""
    return _kinds.get(name, _OTHER)


def known_kinds() -> dict[str, DatabaseKind]:
    """Return the kinds that have their own module, by SQLAlchemy's names."""
    return _kinds.copy()


for _each in (PostgreSQL(), MySQL(), SQLite()):
    register(_each)
