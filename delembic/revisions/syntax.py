"""Reads the migration classes of a file from its syntax tree. Nothing is executed."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from delembic.causes import describe
from delembic.errors import MigrationFileError
from delembic.revisions.attributes import NAMES

_OTHERS = sys.stdlib_module_names | {"sqlalchemy"}
_BUILTINS = frozenset(dir(builtins))
_HOMES = ("delembic", "delembic.migration")
_BATCHED = "BatchedMigration"
_BASES = ("DataMigration", _BATCHED)
"""The classes of delembic from which a migration is derived, and the modules that have them."""


def find_classes(path: Path, content: bytes) -> list[ClassSyntax]:
    """Return the migration classes of a file in the order of its lines, without base classes.

    Raises:
        MigrationFileError: The file does not parse.
    """
    return [cls for cls in _Module(path, content).migrations() if not cls.abstract]


def is_alembic_style(content: bytes) -> bool:
    """Whether a file that parses defines ``upgrade`` beside its classes, as Alembic's files do."""
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "upgrade"
        for node in ast.parse(content).body
    )


class NotLiteral:
    """Stands for the value of an attribute that is known only after an import."""


@dataclass(slots=True)
class ClassSyntax:
    """A migration class in a syntax tree, with the attributes that it inherits in the file."""

    name: str
    line: int
    attributes: dict[str, Any]
    validates: bool
    foreign_base: bool
    batched: bool
    has_subclass: bool = False

    @property
    def abstract(self) -> bool:
        """Whether the class has no revision, and is a base of others or has a private name."""
        return "revision" not in self.attributes and (
            self.has_subclass or self.name.startswith("_")
        )

    @property
    def needs_import(self) -> bool:
        """Whether the tree is not enough, because a value is computed or may be inherited."""
        if any(isinstance(value, NotLiteral) for value in self.attributes.values()):
            return True
        essential = {"revision", "depends_on", "description"}
        return self.foreign_base and not essential <= self.attributes.keys()

    @property
    def shows_its_place(self) -> bool:
        """Whether the tree contains what determines the execution order."""
        places = {"revision", "depends_on"}
        known = {name for name, value in self.attributes.items() if type(value) is not NotLiteral}
        if self.foreign_base:
            return places <= known
        return "revision" in known and "depends_on" not in self.attributes.keys() - known


class _Module:
    """Finds the migration classes at the top level of a module's syntax tree."""

    def __init__(self, path: Path, content: bytes) -> None:
        try:
            self._body = ast.parse(content, filename=str(path)).body
        except SyntaxError as error:
            raise MigrationFileError(
                path, f"does not parse: {error.msg}.", "Correct the syntax.", error.lineno
            ) from error
        except (ValueError, MemoryError, RecursionError) as error:  # nested a thousand deep
            raise MigrationFileError(
                path, f"does not parse: {describe(error)}.", "Correct the syntax."
            ) from error
        self._base_names = set(_names_of_bases(self._body, _BASES))
        self._batched_names = set(_names_of_bases(self._body, (_BATCHED,)))
        self._found: dict[str, ClassSyntax] = {}

    @cached_property
    def _others(self) -> set[str]:  # seldom needed: most classes name DataMigration itself
        return _names_from_elsewhere(self._body)

    def migrations(self) -> list[ClassSyntax]:
        migrations = []
        for node in self._body:
            if not isinstance(node, ast.ClassDef):
                continue
            bases = [ast.unparse(base) for base in node.bases]
            if self._is_migration(node, bases):
                self._found[node.name] = self._read_class(node, bases)
                migrations.append(self._found[node.name])
            elif not self._may_be_migration(bases):
                self._others.add(node.name)
        return migrations

    def _is_migration(self, node: ast.ClassDef, bases: Sequence[str]) -> bool:
        return not (self._base_names | self._found.keys()).isdisjoint(bases) or (
            "revision" in _assignments(node) and self._may_be_migration(bases)
        )

    def _may_be_migration(self, bases: Sequence[str]) -> bool:
        """Whether a base may be a DataMigration, as far as this is known without an import."""
        roots = {base.partition("[")[0].partition(".")[0] for base in bases}
        return not roots <= self._others

    def _read_class(self, node: ast.ClassDef, bases: Sequence[str]) -> ClassSyntax:
        parents = [self._found[base] for base in bases if base in self._found]
        inherited: dict[str, Any] = {}
        for parent in reversed(parents):
            parent.has_subclass = True
            inherited |= parent.attributes
        methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        foreign_base = any(parent.foreign_base for parent in parents) or (
            not set(bases) <= self._base_names | self._found.keys()
        )
        return ClassSyntax(
            name=node.name,
            line=node.lineno,
            attributes=inherited | _literals(node),
            # A base from another file may define one; it is not imported just to find out.
            validates="validate" in methods
            or any(parent.validates for parent in parents)
            or foreign_base,
            foreign_base=foreign_base,
            # As above: where it is not known, it may be.
            batched=foreign_base
            or any(parent.batched for parent in parents)
            or not self._batched_names.isdisjoint(bases),
        )


def _names_of_bases(body: list[ast.stmt], bases: Collection[str]) -> Iterator[str]:
    """Yield the expressions that mean classes of delembic's in this module, by its imports."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module in _HOMES:
            yield from (a.asname or a.name for a in node.names if a.name in bases)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in _HOMES:
                    yield from (f"{alias.asname or alias.name}.{base}" for base in bases)


def _names_from_elsewhere(body: list[ast.stmt]) -> set[str]:
    """Return the names of Python's and SQLAlchemy's own objects, which are not migrations."""
    names: dict[str, bool] = {}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            other = not node.level and (node.module or "").partition(".")[0] in _OTHERS
            names |= {alias.asname or alias.name: other for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                names[alias.asname or root] = root in _OTHERS
    others = {name for name, other in names.items() if other}
    return others | (_BUILTINS - names.keys())


def _assignments(node: ast.ClassDef) -> dict[str, ast.expr]:
    """Return the class body's assignments of the attributes that delembic knows."""
    found: dict[str, ast.expr] = {}
    for item in node.body:
        if isinstance(item, ast.Assign):
            found |= {t.id: item.value for t in item.targets if isinstance(t, ast.Name)}
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value:
            found[item.target.id] = item.value
        elif isinstance(item, ast.AugAssign) and isinstance(item.target, ast.Name):
            found[item.target.id] = (
                item.target
            )  # not a literal: the value that it adds to is not known here
    return {name: value for name, value in found.items() if name in NAMES}


def _literals(node: ast.ClassDef) -> dict[str, Any]:
    return {name: _literal(value) for name, value in _assignments(node).items()}


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):  # a name or a call; a list as a key
        return NotLiteral()
