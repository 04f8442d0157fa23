"""Checks the methods and other names of a migration before it runs."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from difflib import get_close_matches

from delembic.errors import MigrationFileError
from delembic.migration import BatchedMigration, DataMigration
from delembic.revisions.batch_attributes import check_batches

_Fault = Callable[[str, str], MigrationFileError]

_ALIKE = 0.85
"""How similar a name must be, from 0 to 1, to count as a misspelling."""

_OTHER_WORDS = dict.fromkeys(("down_revision", "depends", "dependencies"), "depends_on")
"""Names that other tools use for ``depends_on``."""

_LAZY = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def check_methods(migration: DataMigration, fault: _Fault) -> None:
    """Refuse methods that cannot be called, or that do nothing when called and look successful.

    Args:
        migration: The migration that is to run.
        fault: Makes the error from a problem, whose text continues the class name, and a remedy.

    Raises:
        MigrationFileError: What ``fault`` returned.
    """
    is_batched = isinstance(migration, BatchedMigration)
    work, arguments = ("upgrade_batch", "conn, batch") if is_batched else ("upgrade", "conn")
    base = BatchedMigration if is_batched else DataMigration
    if getattr(type(migration), work) is getattr(base, work):
        raise fault(f" has no {work} method", f"Define {work}(self, {arguments}).")
    takes = {work: arguments, "validate": "conn"} | ({"prepare": "conn"} if is_batched else {})
    for name, arguments in takes.items():
        method = getattr(migration, name)
        if any(is_lazy(method) for is_lazy in _LAZY):
            raise fault(
                f".{name} is async or contains a yield",
                "Make it a plain function; as it is, calling it does nothing.",
            )
        if not _takes(method, arguments.count(",") + 1):
            only = "a connection as its only argument" if arguments == "conn" else "(conn, batch)"
            raise fault(
                f".{name} cannot be called with {only}", f"Define {name}(self, {arguments})."
            )


def check_filled_in(migration: DataMigration, fault: _Fault) -> None:
    """Refuse a migration that nobody has written yet, and one that expects too much.

    It would be applied with nothing done, and what is written later would never run. An applied
    migration is not asked, because it is too late.

    Args:
        migration: The migration that is to be applied.
        fault: As for `check_methods`.

    Raises:
        MigrationFileError: What ``fault`` returned.
    """
    is_batched = isinstance(migration, BatchedMigration)
    work = "upgrade_batch" if is_batched else "upgrade"
    if _is_empty(getattr(migration, work)):
        raise fault(
            f".{work} is still empty",
            "Write what it is to do. If it is meant to do nothing, write 'return'.",
        )
    if hasattr(migration, "downgrade"):
        raise fault(
            " has a downgrade, which delembic never calls",
            "Remove it. To undo a migration that is applied, write a new one that does so.",
        )
    if isinstance(migration, BatchedMigration):
        check_batches(migration, fault)


def _is_empty(method: Callable[..., object]) -> bool:
    """Whether the body of a method is only a docstring, ``pass`` or ``...``."""
    try:
        source = inspect.getsource(method)
        (function,) = ast.parse(textwrap.dedent(source)).body
    except (OSError, TypeError, ValueError, SyntaxError):
        return False  # no function with a source of its own, such as a lambda
    return isinstance(function, ast.FunctionDef) and all(
        isinstance(each, ast.Pass)
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        for each in function.body
    )


def check_names(cls: type[DataMigration], fault: _Fault) -> None:
    """Refuse a misspelled attribute, which would be ignored and look like success.

    Only names are checked whose loss would be noticed late, and only if the class lacks the right
    name.

    Args:
        cls: The class of the migration that is to run.
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
                f".{name} has no meaning for delembic",
                f"Did you mean {near}? If not, choose a less similar name.",
            )


def _takes(method: Callable[..., object], arguments: int) -> bool:
    try:
        inspect.signature(method).bind(*[None] * arguments)
    except TypeError:  # also raised for an object that is not callable
        return False
    except ValueError:
        # Some functions written in C have no signature. A bound method without any parameter,
        # not even `self`, raises this too, and certainly takes no argument.
        return not inspect.ismethod(method)
    return True
