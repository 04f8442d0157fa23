"""A length of time, as an option of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from delembic.presentation.figures import seconds_in

if TYPE_CHECKING:
    _ParamType = click.ParamType[float]
else:  # older versions of click have no parameter there
    _ParamType = click.ParamType


class Duration(_ParamType):
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
        try:
            return seconds_in(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
