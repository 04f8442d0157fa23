"""One migration file becomes revisions, read from its syntax tree without running it.

A file is imported only when one of its classes has to run (`load`), or when an attribute that is
needed here is not a literal. So an old, applied migration whose imports are long gone blocks
nothing, and listing a thousand migrations costs a thousand parses and no import.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delembic.errors import MigrationFileError
from delembic.migration import DataMigration
from delembic.revisions.syntax import ATTRIBUTES, ClassSyntax, find_classes
from delembic.user_code import import_source, user_code

_LAZY = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


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
        MigrationFileError: The file cannot be read or parsed, holds no migration, or an attribute
            has the wrong type.
    """
    content = _read(path)
    found = find_classes(path, content)
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
    content = _read(revision.path)
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
    _refuse_what_would_not_run(revision, cls)
    problem = f"{revision.class_name} cannot be instantiated: "
    with user_code(
        lambda reason: MigrationFileError(revision.path, problem + reason, line=revision.line)
    ):
        return cls()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MigrationFileError(path, f"cannot be read: {error.strerror}.") from error


def _refuse_what_would_not_run(revision: Revision, cls: type[DataMigration]) -> None:
    """Refuse methods whose call would return at once, with nothing done, and look like success."""
    for method in (cls.upgrade, cls.validate):
        if any(is_lazy(method) for is_lazy in _LAZY):
            raise MigrationFileError(
                revision.path,
                f"{revision.class_name}.{method.__name__} is async or contains a yield.",
                "Make it a plain function; a call would do nothing as it is.",
                revision.line,
            )


def _revision(cls: ClassSyntax, path: Path, root: Path, content: bytes, checksum: str) -> Revision:
    values = cls.attributes
    validates = cls.validates
    if cls.needs_import:
        imported = _import_class(path, root, content, cls.name)
        values = {name: getattr(imported, name, None) for name in ATTRIBUTES}
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
