"""The attributes of a migration, and the rules for their values."""

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
    | {"none", "paused", "pending", "running"}
)
"""Words that name targets and states."""

_LONGEST = 255
"""The number of characters that fit into the column of ``delembic_version``."""

_MEANINGFUL = frozenset(":,+@^~")
"""Characters that have, or may later get, a meaning in targets."""

_RULE = (
    "A revision contains no whitespace and none of : , + @ ^ ~, does not begin with -, and has at"
    f" most {_LONGEST} characters."
)


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one class. Each is returned only if it is valid.

    Args:
        path: The file.
        class_name: The class in the file.
        line: The line of the class.
        values: The values of the attributes, by name.
    """

    path: Path
    class_name: str
    line: int
    values: Mapping[str, Any]

    def check(self) -> None:
        """Check all attributes against their rules.

        Raises:
            MigrationFileError: An attribute breaks its rule.
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
        """Return the id; its characters are not checked here."""
        value = self.values.get("revision")
        if not isinstance(value, str) or not value.strip():
            raise self._wrong("revision", "must be a string such as 'D001'")
        return value

    def description(self) -> str:
        """Return the description on one line, even if it is written on several."""
        return " ".join(self._text("description").split())

    def group(self) -> str | None:
        """Return the group, or ``None``."""
        return self._text("group") or None

    def names(self, name: str) -> tuple[str, ...]:
        """Return a list of names without duplicates."""
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise self._wrong(name, "must be a list of strings such as ['D001']")
        return tuple(dict.fromkeys(value))

    def tags(self) -> Mapping[str, str]:
        """Return tag names with their values; the tags of a list have empty values."""
        value = self.values.get("tags")
        if isinstance(value, dict):
            if not all(isinstance(text, str) for pair in value.items() for text in pair):
                raise self._wrong("tags", "must map strings to strings")
            return value
        return dict.fromkeys(self.names("tags"), "")

    def meta(self) -> Mapping[str, Any]:
        """Return the settings for other programs, by program name."""
        value = self.values.get("meta")
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self._wrong("meta", "must map strings to values, such as {'dagster': {}}")
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
            raise self._wrong(name, "must be a string")
        if not " ".join(value.split()).isprintable():
            raise self._wrong(name, "must be a printable string")
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
        "cannot be 'head', which has another meaning on the command line"
    """
    if revision.lower() in RESERVED:
        return f"cannot be {revision!r}, which has another meaning on the command line"
    if len(revision) > _LONGEST:
        return f"has {len(revision)} characters"
    for character in revision:
        if character in _MEANINGFUL or character.isspace() or not character.isprintable():
            return f"cannot contain {character!r}, as {reprlib.repr(revision)} does"
    if revision.startswith("-"):
        return f"cannot begin with '-', as {reprlib.repr(revision)} does"
    return None
