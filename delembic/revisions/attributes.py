"""What the attributes of a migration may hold."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delembic.errors import MigrationFileError

NAMES = ("revision", "depends_on", "description", "tags", "owners", "group", "meta", "transaction")

RESERVED = frozenset(
    {"all", "applied", "base", "blocked", "current", "failed", "head", "heads", "interrupted"}
    | {"none", "pending", "running"}
)
"""Words that targets and states are made of."""

_LONGEST = 255
"""Characters that the column of ``delembic_version`` holds."""

_MEANINGFUL = frozenset(":,+@^~")
"""Characters that targets are, or may one day be, put together with."""

_RULE = (
    "It has no blanks and none of : , + @ ^ ~ in it, does not begin with -, and is at most"
    f" {_LONGEST} characters long."
)


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one class, handed out only when they are right.

    Args:
        path: The file.
        class_name: The class in it.
        line: The class's own.
        values: The attributes by their names.
    """

    path: Path
    class_name: str
    line: int
    values: Mapping[str, Any]

    def check(self) -> None:
        """Hold all of them to their rules.

        Raises:
            MigrationFileError: One breaks its rule.
        """
        if fault := revision_fault(self.revision()):
            raise self._error("revision", fault, _RULE)
        self.names("depends_on")
        self.description()
        self.tags()
        self.names("owners")
        self.group()
        self.meta()
        self.transaction()

    def revision(self) -> str:
        """The id, whatever its characters."""
        value = self.values.get("revision")
        if not isinstance(value, str) or not value.strip():
            raise self._wrong("revision", "has to be a text such as 'D001'")
        return value

    def description(self) -> str:
        """On one line, whatever it is written on."""
        return " ".join(self._text("description").split())

    def group(self) -> str | None:
        """The group, if there is one."""
        return self._text("group") or None

    def names(self, name: str) -> tuple[str, ...]:
        """A list of names, each once."""
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise self._wrong(name, "has to be a list of texts such as ['D001']")
        return tuple(dict.fromkeys(value))

    def tags(self) -> Mapping[str, str]:
        """Names and their values; those of a list have empty ones."""
        value = self.values.get("tags")
        if isinstance(value, dict):
            if not all(isinstance(text, str) for pair in value.items() for text in pair):
                raise self._wrong("tags", "has to map texts to texts")
            return value
        return dict.fromkeys(self.names("tags"), "")

    def meta(self) -> Mapping[str, Any]:
        """What other programs are told, by their names."""
        value = self.values.get("meta")
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self._wrong("meta", "has to map texts to anything, such as {'dagster': {}}")
        return dict(value)

    def transaction(self) -> bool:
        """Whether the work is done in a transaction."""
        value = self.values.get("transaction", True)
        if not isinstance(value, bool):
            raise self._wrong("transaction", "has to be True or False")
        return value

    def _text(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name, "has to be a text")
        if not " ".join(value.split()).isprintable():
            raise self._wrong(name, "has to be a text that can be printed")
        return value

    def _wrong(self, name: str, rule: str) -> MigrationFileError:
        value = reprlib.repr(self.values.get(name))
        return self._error(name, f"{rule}, not {value}", f"Correct the attribute {name}.")

    def _error(self, name: str, fault: str, remedy: str) -> MigrationFileError:
        return MigrationFileError(
            self.path, f"{self.class_name}.{name} {fault}.", remedy, self.line
        )


def revision_fault(revision: str) -> str | None:
    """Return why a text cannot be a revision's id, or ``None`` if it can.

    Example:
        >>> revision_fault("D001")
        >>> revision_fault("head")
        "cannot be 'head', which stands for something else on the command line"
    """
    if revision.lower() in RESERVED:
        return f"cannot be {revision!r}, which stands for something else on the command line"
    if len(revision) > _LONGEST:
        return f"has {len(revision)} characters"
    for character in revision:
        if character in _MEANINGFUL or character.isspace() or not character.isprintable():
            return f"cannot contain {character!r}, as {reprlib.repr(revision)} does"
    if revision.startswith("-"):
        return f"cannot begin with '-', as {reprlib.repr(revision)} does"
    return None
