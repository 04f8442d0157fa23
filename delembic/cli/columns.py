"""Rows of cells as lines with aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

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

    def padded(self, width: int) -> Cell:
        """Return the cell padded to the width of its column."""
        text = self.text.rjust(width) if self.right else self.text.ljust(width)
        return replace(self, text=text)

    @property
    def shown(self) -> str:
        """The text in its color."""
        return click.style(self.text, fg=self.colour) if self.colour else self.text


def aligned(rows: Sequence[Sequence[Cell]], width: int | None = None) -> list[str]:
    """Return a line for each row, all equally wide. A column without any text is left out.

    Args:
        rows: The cells of each row.
        width: Where lines are cut; ``None`` cuts none.

    Example:
        >>> aligned([[Cell("D001"), Cell(""), Cell("9", right=True)],
        ...          [Cell("D2"), Cell(""), Cell("10", right=True)]])
        ['D001   9', 'D2    10']
    """
    widths = [max(len(cell.text) for cell in column) for column in zip(*rows, strict=True)]
    padded = [
        [cell.padded(most) for cell, most in zip(row, widths, strict=True) if most] for row in rows
    ]
    return [
        _GAP.join(cell.shown for cell in (row if width is None else _fitting(row, width)))
        for row in padded
    ]


def cut(text: str, width: int) -> str:
    """Return a text, or as much of its beginning as fits.

    Example:
        >>> cut("D001 failed", 6), cut("D001", 6)
        ('D001 …', 'D001')
    """
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"[:width]


def _fitting(cells: Iterable[Cell], width: int) -> Iterator[Cell]:
    """Yield as many of the cells of a line as fit, the last of them cut."""
    for cell in cells:
        if width <= 0:
            return
        yield replace(cell, text=cut(cell.text, width))
        width -= len(cell.text) + len(_GAP)
