"""The methods of a migration, looked at before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from delembic.errors import MigrationFileError
from delembic.migration import DataMigration

_Fault = Callable[[str, str], MigrationFileError]

_LAZY = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def check_methods(migration: DataMigration, fault: _Fault) -> None:
    """Refuse methods that cannot be called, or whose call does nothing and looks like success.

    Args:
        migration: What is to run.
        fault: Makes the error from a problem, which follows the name of the class, and a remedy.

    Raises:
        MigrationFileError: What ``fault`` returned.
    """
    if type(migration).upgrade is DataMigration.upgrade:
        raise fault(" has no upgrade method", "Define upgrade(self, conn).")
    for name in ("upgrade", "validate"):
        method = getattr(migration, name)
        if any(is_lazy(method) for is_lazy in _LAZY):
            raise fault(
                f".{name} is async or contains a yield",
                "Make it a plain function; a call would do nothing as it is.",
            )
        if not _takes_one_argument(method):
            raise fault(
                f".{name} cannot be called with a connection and nothing else",
                f"Define {name}(self, conn).",
            )


def _takes_one_argument(method: Callable[..., object]) -> bool:
    try:
        inspect.signature(method).bind(None)
    except TypeError:  # raised for what is no callable, too
        return False
    except ValueError:
        # Nobody can know it, as of some functions written in C; but a method without even a
        # `self` can be known for certain.
        return not inspect.ismethod(method)
    return True
