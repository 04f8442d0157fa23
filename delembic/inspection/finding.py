"""What is wrong in one place, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from delembic.errors import DelembicError, MigrationFileError


class Rule(StrEnum):
    """What a finding breaks."""

    FILE = "file"
    """A migration file can be read, and an upgrade would accept it."""

    DUPLICATE = "duplicate"
    """Each revision is defined once."""

    CYCLE = "cycle"
    """No migration depends on itself, not even through others."""

    DEPENDENCY = "dependency"
    """What a migration depends on exists."""

    TABLE_DROP = "table-drop"
    """No Alembic revision drops one of delembic's own tables."""

    PENDING = "pending"
    """Every migration is applied."""

    FAILED = "failed"
    """The last attempt at a migration did not fail."""

    CHANGED = "changed"
    """The file of an applied migration is the one that was applied."""

    FILE_GONE = "file-gone"
    """An applied migration has a file."""

    OTHER_PROJECT = "other-project"
    """What is applied in the database are the migrations of this project."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        rule: What it breaks.
        path: The file in which it is to be seen.
        line: The line in the file, from 1; ``None`` if it concerns the whole file.
        text: What is wrong.
        remedy: What to do about it; empty if the text needs no addition.
        revision: The migration that it concerns, if it is one.
    """

    rule: Rule
    path: Path
    line: int | None
    text: str
    remedy: str = ""
    revision: str | None = None


def finding_in_file(error: MigrationFileError, revision: str | None = None) -> Finding:
    """Return what is wrong with a migration file."""
    return Finding(Rule.FILE, error.path, error.line, error.problem, error.remedy, revision)


def finding_from(rule: Rule, error: DelembicError, path: Path, line: int | None = None) -> Finding:
    """Return an error as a finding at some place."""
    return Finding(rule, path, line, error.message, error.remedy)
