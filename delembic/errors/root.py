"""The root of the tree of errors, and what all of them word their texts with."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

_NEAR = 0.5
"""How alike two names have to be, from 0 to 1: D01 is near to D001."""


class DelembicError(Exception):
    """The root of the tree: catch it to catch whatever delembic has to say.

    Attributes:
        message: What is wrong, in one sentence or a few.
        remedy: What to do about it; empty when the message says it all.
        exit_code: What the command line exits with: 1 a migration failed, is blocked or does not
            pass any more, 2 usage, configuration or definition, 4 a lock was not obtained.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


def render_path(path: Path) -> str:
    """Return a path as people want to read it: relative to the working folder if it is below."""
    try:
        here = Path.cwd()
    except OSError:  # it has been removed
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return `` Did you mean 'X'?`` for the known name nearest to ``name``, or nothing.

    Example:
        >>> did_you_mean("D01", ["D001", "D002"])
        " Did you mean 'D001'?"
        >>> did_you_mean("zebra", ["D001"])
        ''
    """
    near = get_close_matches(name, known, n=1, cutoff=_NEAR)
    return f" Did you mean {near[0]!r}?" if near else ""
