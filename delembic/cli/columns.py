"""Rows of cells as lines with aligned columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    """One text in a table.

    Attributes:
        text: The text, without color codes.
        colour: The color, by click's name.
        right: Whether the text is aligned to the right, as numbers are.
    """

    text: str
    colour: str | None = None
    right: bool = False

    def padded(self, width: int) -> str:
        """Return the text padded to the width of its column, in its color."""
        text = self.text.rjust(width) if self.right else self.text.ljust(width)
        return click.style(text, fg=self.colour) if self.colour else text


def aligned(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return a line for each row, all equally wide. A column without any text is left out.

    Example:
        >>> aligned([[Cell("D001"), Cell(""), Cell("9", right=True)],
        ...          [Cell("D2"), Cell(""), Cell("10", right=True)]])
        ['D001   9', 'D2    10']
    """
    widths = [max(len(cell.text) for cell in column) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(cell.padded(width) for cell, width in zip(row, widths, strict=True) if width)
        for row in rows
    ]
