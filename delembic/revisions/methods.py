"""The methods of a migration and the names beside them, looked at before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import get_close_matches

from delembic.errors import MigrationFileError
from delembic.migration import DataMigration

_Fault = Callable[[str, str], MigrationFileError]

_ALIKE = 0.85
"""How alike a name has to be, from 0 to 1, to be taken for a slip of the pen."""

_OTHER_WORDS = dict.fromkeys(("down_revision", "depends", "dependencies"), "depends_on")
"""What other tools call it."""

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


def check_names(cls: type[DataMigration], fault: _Fault) -> None:
    """Refuse a name that is nearly one of ours: it would be passed over, and look like success.

    Only where its loss would be felt late, and the right name is not there as well.

    Args:
        cls: Of what is to run.
        fault: As for `check_methods`.

    Raises:
        MigrationFileError: What ``fault`` returned.
    """
    bases = [each for each in cls.__mro__ if issubclass(each, DataMigration)]
    names = {name for each in bases if each is not DataMigration for name in vars(each)}
    meant = {"depends_on", "validate"} - names
    for name in sorted(names):
        near = _OTHER_WORDS.get(name) or next(iter(get_close_matches(name, meant, 1, _ALIKE)), None)
        if near in meant and not name.startswith("_"):
            raise fault(
                f".{name} means nothing to delembic",
                f"Did you mean {near}? If not, take a name that is less like it.",
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
