"""The base class of all errors, and the functions that help to word their messages."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

_NEAR = 0.5
"""How similar two names must be, from 0 to 1, for one to be suggested: D01 for D001."""


class DelembicError(Exception):
    """The base class of all errors that delembic raises on purpose.

    Attributes:
        message: What is wrong, in one or a few sentences.
        remedy: What to do about it; empty if the message needs no addition.
        exit_code: The exit code of the command line: 1 if a migration failed, is blocked or no
            longer passes verification; 2 for an error in usage, configuration or a definition;
            4 if a lock was not obtained.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


def render_path(path: Path) -> str:
    """Return a path as text: relative to the working folder if it is below that."""
    try:
        here = Path.cwd()
    except OSError:  # the working folder was removed
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return `` Did you mean 'X'?`` with the known name closest to ``name``, or an empty string.

    Example:
        >>> did_you_mean("D01", ["D001", "D002"])
        " Did you mean 'D001'?"
        >>> did_you_mean("zebra", ["D001"])
        ''
    """
    near = get_close_matches(name, known, n=1, cutoff=_NEAR)
    return f" Did you mean {near[0]!r}?" if near else ""
