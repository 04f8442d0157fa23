"""One migration file becomes revisions, read from its syntax tree without running it.

A file is imported only when one of its classes has to run (`load`), or when an attribute that is
needed here is not a literal. So an old, applied migration whose imports are long gone blocks
nothing, and listing a thousand migrations costs a thousand parses and no import.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delembic.errors import MigrationFileError
from delembic.migration import DataMigration
from delembic.user_code import import_source, user_code

_ATTRIBUTES = ("revision", "depends_on", "description", "tags", "owners", "group")


@dataclass(frozen=True, slots=True)
class Revision:
    """What is known of a migration without running it.

    Attributes:
        id: The name that ``revision`` gives it.
        depends_on: What it waits for, as written: revisions of delembic and of Alembic.
        description: One line for people, maybe empty.
        path: The file, absolute.
        line: The line of the ``class`` statement, from 1.
        class_name: The class in that file.
        checksum: SHA-256 of the file's bytes, in hexadecimal.
        validates: Whether the class has a ``validate`` of its own.
        tags: Names and their values; a tag given without a value has an empty one.
        owners: E-mail addresses and ``team:NAME``.
        group: The group to show it in, if it names one.
    """

    id: str
    depends_on: tuple[str, ...]
    description: str
    path: Path
    line: int
    class_name: str
    checksum: str
    validates: bool
    tags: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    group: str | None = None


def read_file(path: Path, root: Path) -> list[Revision]:
    """Read the migrations that a file defines, in the order of its lines.

    Args:
        path: The file.
        root: The project's root, importable should the file have to be imported.

    Raises:
        MigrationFileError: The file does not parse, holds no migration, or an attribute has the
            wrong type.
    """
    content = path.read_bytes()
    found = [cls for cls in _SyntaxTree(path, content).migrations() if not cls.abstract]
    if not found:
        raise MigrationFileError(
            path,
            "holds no DataMigration.",
            "Define one, or begin the file's name with _ if it is a helper of others.",
        )
    checksum = hashlib.sha256(content).hexdigest()
    return [_revision(cls, path, root, content, checksum) for cls in found]


def load(revision: Revision, root: Path) -> DataMigration:
    """Import a revision's file and make an instance of its class.

    What is executed are the very bytes that ``revision.checksum`` was made from.

    Raises:
        MigrationFileError: The file has changed since it was read, does not import, or the class
            cannot be made.
    """
    content = revision.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != revision.checksum:
        raise MigrationFileError(
            revision.path, "has changed since it was read.", "Run the command again."
        )
    cls = _import_class(revision.path, root, content, revision.class_name)
    if cls.upgrade is DataMigration.upgrade:
        raise MigrationFileError(
            revision.path,
            f"{revision.class_name} has no upgrade method.",
            "Define upgrade(self, conn).",
            revision.line,
        )
    problem = f"{revision.class_name} cannot be instantiated: "
    with user_code(
        lambda reason: MigrationFileError(revision.path, problem + reason, line=revision.line)
    ):
        return cls()


def _revision(cls: _Class, path: Path, root: Path, content: bytes, checksum: str) -> Revision:
    values = cls.attributes
    validates = cls.validates
    if cls.needs_import:
        imported = _import_class(path, root, content, cls.name)
        values = {name: getattr(imported, name, None) for name in _ATTRIBUTES}
        validates = imported.validate is not DataMigration.validate
    check = _Attributes(path, cls.name, cls.line, values)
    return Revision(
        id=check.revision(),
        depends_on=check.names("depends_on"),
        description=check.text("description"),
        path=path,
        line=cls.line,
        class_name=cls.name,
        checksum=checksum,
        validates=validates,
        tags=check.tags(),
        owners=check.names("owners"),
        group=check.text("group") or None,
    )


def _import_class(path: Path, root: Path, content: bytes, name: str) -> type[DataMigration]:
    with user_code(lambda reason: MigrationFileError(path, f"cannot be imported: {reason}")):
        module = import_source(path, root, content)
    cls = getattr(module, name, None)
    if not (inspect.isclass(cls) and issubclass(cls, DataMigration)):
        raise MigrationFileError(
            path, f"{name} is not a DataMigration.", "Derive it from delembic.DataMigration."
        )
    return cls


class _NotLiteral:
    """Stands for the value of an attribute that only an import can tell."""


@dataclass(slots=True)
class _Class:
    """A migration class as its file's syntax tree shows it, with what it inherits in the file."""

    name: str
    line: int
    attributes: dict[str, Any]
    validates: bool
    foreign_base: bool
    has_subclass: bool = False

    @property
    def abstract(self) -> bool:
        """A class without a revision that others derive from, or that is marked as private."""
        return "revision" not in self.attributes and (
            self.has_subclass or self.name.startswith("_")
        )

    @property
    def needs_import(self) -> bool:
        """Whether the tree does not tell all: a computed value, or one that a base may give."""
        if any(isinstance(value, _NotLiteral) for value in self.attributes.values()):
            return True
        essential = {"revision", "depends_on", "description"}
        return self.foreign_base and not essential <= self.attributes.keys()


class _SyntaxTree:
    """Finds the migration classes at the top level of a module's syntax tree."""

    def __init__(self, path: Path, content: bytes) -> None:
        try:
            self._body = ast.parse(content, filename=str(path)).body
        except SyntaxError as error:
            raise MigrationFileError(
                path, f"does not parse: {error.msg}.", "Correct the syntax.", error.lineno
            ) from error
        except ValueError as error:
            raise MigrationFileError(path, f"does not parse: {error}.") from error
        self._base_names = set(_names_of_data_migration(self._body))
        self._found: dict[str, _Class] = {}

    def migrations(self) -> list[_Class]:
        for node in self._body:
            if isinstance(node, ast.ClassDef) and self._is_migration(node):
                self._found[node.name] = self._read_class(node)
        return list(self._found.values())

    def _is_migration(self, node: ast.ClassDef) -> bool:
        bases = {ast.unparse(base) for base in node.bases}
        return bool(bases & (self._base_names | self._found.keys())) or (
            bool(bases) and "revision" in _assignments(node)
        )

    def _read_class(self, node: ast.ClassDef) -> _Class:
        bases = [ast.unparse(base) for base in node.bases]
        parents = [self._found[base] for base in bases if base in self._found]
        inherited: dict[str, Any] = {}
        for parent in reversed(parents):
            parent.has_subclass = True
            inherited |= parent.attributes
        methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        return _Class(
            name=node.name,
            line=node.lineno,
            attributes=inherited | _literals(node),
            validates="validate" in methods or any(parent.validates for parent in parents),
            foreign_base=any(parent.foreign_base for parent in parents)
            or not set(bases) <= self._base_names | self._found.keys(),
        )


def _names_of_data_migration(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the expressions that mean DataMigration in this module, by its imports."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module in ("delembic", "delembic.migration"):
            yield from (a.asname or a.name for a in node.names if a.name == "DataMigration")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in ("delembic", "delembic.migration"):
                    yield f"{alias.asname or alias.name}.DataMigration"


def _assignments(node: ast.ClassDef) -> dict[str, ast.expr]:
    """Return the class body's plain assignments of the attributes that delembic knows."""
    found: dict[str, ast.expr] = {}
    for item in node.body:
        if isinstance(item, ast.Assign):
            found |= {t.id: item.value for t in item.targets if isinstance(t, ast.Name)}
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value:
            found[item.target.id] = item.value
    return {name: value for name, value in found.items() if name in _ATTRIBUTES}


def _literals(node: ast.ClassDef) -> dict[str, Any]:
    return {name: _literal(value) for name, value in _assignments(node).items()}


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return _NotLiteral()


@dataclass(frozen=True, slots=True)
class _Attributes:
    """The attributes of one class, handed out only when their types are right."""

    path: Path
    class_name: str
    line: int
    values: Mapping[str, Any]

    def revision(self) -> str:
        value = self.values.get("revision")
        if not isinstance(value, str) or not value.strip():
            raise self._error("revision", "has to be a text such as 'D001'", value)
        return value

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._error(name, "has to be a text", value)
        return value or ""

    def names(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise self._error(name, "has to be a list of texts such as ['D001']", value)
        return tuple(dict.fromkeys(value))

    def tags(self) -> Mapping[str, str]:
        value = self.values.get("tags")
        if isinstance(value, dict):
            if not all(isinstance(text, str) for pair in value.items() for text in pair):
                raise self._error("tags", "has to map texts to texts", value)
            return value
        return dict.fromkeys(self.names("tags"), "")

    def _error(self, name: str, rule: str, value: object) -> MigrationFileError:
        return MigrationFileError(
            self.path,
            f"{self.class_name}.{name} {rule}, not {value!r}.",
            f"Correct the attribute {name}.",
            self.line,
        )
