"""Reads the revisions in a migration file from its syntax tree, without running it.

A file is imported only if one of its classes has to run (`load`), or if an attribute that is needed
here is not a literal. So an applied migration whose imports no longer exist does no harm, and
listing a thousand migrations takes a thousand parses and no import.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from delembic.errors import MigrationFileError, NoMigrationError
from delembic.migration import DataMigration
from delembic.revisions.attributes import NAMES, Attributes
from delembic.revisions.checksum import checksum_of, former_checksums_of
from delembic.revisions.methods import check_filled_in, check_methods, check_names
from delembic.revisions.syntax import ClassSyntax, find_classes, is_alembic_style
from delembic.user_code import import_source, user_code

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Revision:
    """What is known about a migration without running it.

    Attributes:
        id: The value of the class attribute ``revision``.
        depends_on: The delembic and Alembic revisions that it depends on, as written.
        description: One line for people; may be empty.
        path: The file, absolute.
        line: The line of the ``class`` statement, from 1.
        class_name: The name of the class.
        checksum: SHA-256 of the file's text, in hexadecimal. It does not depend on the ends of
            lines, nor on a byte order mark.
        validates: Whether the class has a ``validate``, or may inherit one from another file.
        tags: Tag names with their values; a tag without a value has an empty one.
        owners: E-mail addresses and ``team:NAME``.
        group: The asset group, if it has one.
        meta: Settings for other programs, by program name.
        batched: Whether the class is a `BatchedMigration`, or may be derived from one in another
            file.
        former_checksums: What earlier versions of delembic may have recorded for the same text.
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
    meta: Mapping[str, Any] = field(default_factory=dict)
    batched: bool = False
    former_checksums: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    def canonical(self, recorded: str) -> str:
        """Return a recorded checksum in its present form, to compare it with ``checksum``.

        One that an earlier version of delembic recorded for the same text becomes ``checksum``. Any
        other one is returned as it is.
        """
        return self.checksum if recorded in self.former_checksums else recorded

    def is_of(self, recorded: str) -> bool:
        """Whether a recorded checksum is one of this text."""
        return self.canonical(recorded) == self.checksum

    def as_now(self) -> Revision:
        """Return the revision with the checksum of its file as it is now.

        The file may have changed since it was read. If it was moved or removed, the checksum from
        the reading stays.
        """
        try:
            content = self.path.read_bytes()
        except OSError:
            return self
        return replace(self, **_checksums(content))

    def checksum_now(self) -> str:
        """Return the checksum of the file as it is now; see `as_now`."""
        return self.as_now().checksum


def read_file(path: Path, root: Path) -> list[Revision]:
    """Read the migrations that a file defines, in the order of its lines.

    As long as their place in the execution order can be determined, any other mistake is left for
    `load` to find, because it does not matter in an applied migration.

    Args:
        path: The file.
        root: The project's root, from which an imported file can import.

    Raises:
        MigrationFileError: The file cannot be read or parsed, contains no migration, or has a
            ``revision`` or ``depends_on`` that cannot be determined.
    """
    content = _read(path)
    found = find_classes(path, content)
    if not found:
        raise NoMigrationError(path, alembic_style=is_alembic_style(content))
    return [_revision(cls, path, root, content) for cls in found]


def load_to_apply(revision: Revision, root: Path) -> DataMigration:
    """Do what `load` does, and refuse what must not be applied as it is.

    Raises:
        MigrationFileError: As `load` does; or the class is still as it was generated.
    """
    migration = load(revision, root)
    check_filled_in(migration, partial(_fault, revision))
    return migration


def load(revision: Revision, root: Path) -> DataMigration:
    """Import a revision's file and make an instance of its class.

    The text that is executed is the one that ``revision.checksum`` was computed from.

    Raises:
        MigrationFileError: The file has changed since it was read, cannot be imported or breaks a
            rule, or the class cannot be instantiated.
    """
    content = _read(revision.path)
    if checksum_of(content) != revision.checksum:
        raise MigrationFileError(
            revision.path, "has changed since it was read.", "Run the command again."
        )
    cls = _import_class(revision.path, root, content, revision.class_name)
    fault = partial(_fault, revision)
    attributes = _attributes_of(cls, revision.path, revision.line)
    attributes.check()
    if (now := attributes.revision()) != revision.id:
        raise fault(
            f" has the revision {now} when imported, not {revision.id}",
            "Give each class a unique name, and its revision a constant value.",
        )
    check_names(cls, fault)
    with user_code(
        lambda reason: fault(
            f" cannot be instantiated: {reason}",
            "Define no __init__, or one that needs no arguments and raises no error.",
        )
    ):
        migration = cls()
    check_methods(migration, fault)
    return migration


def _fault(revision: Revision, problem: str, remedy: str) -> MigrationFileError:
    text = f"{revision.class_name}{problem}."
    return MigrationFileError(revision.path, text, remedy, revision.line)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MigrationFileError(path, f"cannot be read: {error.strerror}.") from error


def _checksums(content: bytes) -> dict[str, Any]:
    return {
        "checksum": checksum_of(content),
        "former_checksums": former_checksums_of(content),
    }


def _revision(cls: ClassSyntax, path: Path, root: Path, content: bytes) -> Revision:
    attributes = Attributes(path, cls.name, cls.line, cls.attributes)
    validates = cls.validates
    if cls.needs_import:
        try:
            imported = _import_class(path, root, content, cls.name)
        except MigrationFileError:
            if not cls.shows_its_place:
                raise
        else:
            attributes = _attributes_of(imported, path, cls.line)
            validates = imported.validate is not DataMigration.validate
    return Revision(
        id=attributes.revision(),
        depends_on=attributes.names("depends_on"),
        description=_unless_wrong(attributes.description, ""),
        path=path,
        line=cls.line,
        class_name=cls.name,
        validates=validates,
        tags=_unless_wrong(attributes.tags, {}),
        owners=_unless_wrong(lambda: attributes.names("owners"), ()),
        group=_unless_wrong(attributes.group, None),
        meta=_unless_wrong(attributes.meta, {}),
        batched=cls.batched,
        **_checksums(content),
    )


def _unless_wrong(read: Callable[[], _T], otherwise: _T) -> _T:
    try:
        return read()
    except MigrationFileError:
        return otherwise


def _attributes_of(cls: type[DataMigration], path: Path, line: int) -> Attributes:
    return Attributes(path, cls.__name__, line, {name: getattr(cls, name, None) for name in NAMES})


def _import_class(path: Path, root: Path, content: bytes, name: str) -> type[DataMigration]:
    with user_code(
        lambda reason: MigrationFileError(
            path,
            f"cannot be imported: {reason}",
            "Correct it, or install what it imports; on the command line, --debug shows the"
            " traceback.",
        )
    ):
        module = import_source(path, root, content)
    cls = getattr(module, name, None)
    if not (inspect.isclass(cls) and issubclass(cls, DataMigration)):
        raise MigrationFileError(
            path, f"{name} is not a DataMigration.", "Derive it from delembic.DataMigration."
        )
    return cls
