"""A length of time, as an option of a command."""

from __future__ import annotations

import re

import click

_PARTS = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", re.ASCII)
_UNITS = (3600, 60, 1)


class Duration(click.ParamType[float]):
    """A length of time such as ``2h``, ``1h30m`` or ``45s``; a bare number is in seconds.

    Example:
        >>> [Duration().convert(text, None, None) for text in ("2h", "1h30m", "45s", "0.5")]
        [7200.0, 5400.0, 45.0, 0.5]
    """

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time in seconds."""
        if isinstance(value, int | float):
            return float(value)
        match = _PARTS.fullmatch(str(value).strip().lower())
        if not match or not any(match.groups()):
            self.fail(f"{value!r} is no length of time. Write it as 2h, 30m or 45s.", param, ctx)
        return sum(
            float(part) * unit
            for part, unit in zip(match.groups(), _UNITS, strict=True)
            if part is not None
        )
