"""What helps against errors whose own text does not say it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError, ObjectNotExecutableError, SQLAlchemyError

from delembic.causes import text_of
from delembic.database.driver_errors import chain_of

_MISSING_PARAMETER = "cd3x"
"""SQLAlchemy's code of the error."""
_PLACEHOLDERS = re.compile(
    r"placeholder|format (string|character)|incomplete format|string formatting"
    r"|% ?\w format: .* is required|immutabledict is not a sequence|index out of range"
    r"|number of (bindings|parameters)",
    re.IGNORECASE,
)
"""What drivers say when they have read a placeholder where none was meant, or the other way."""


def advice_on(error: BaseException | None) -> str:
    """Return a sentence on what to do about an error; an empty string if there is none.

    Args:
        error: The error. Its causes are looked at too.

    Example:
        >>> advice_on(ObjectNotExecutableError("SELECT 1"))
        'conn.execute takes no plain string: wrap it in text("…") of sqlalchemy.'
        >>> advice_on(ValueError("no rows"))
        ''
    """
    for each in chain_of(error):
        for applies, advice in _ADVICE:
            if applies(each):
                return advice
    return ""


def _is_plain_string(error: BaseException) -> bool:
    return isinstance(error, ObjectNotExecutableError)


def _lacks_a_parameter(error: BaseException) -> bool:
    return isinstance(error, SQLAlchemyError) and error.code == _MISSING_PARAMETER


def _misreads_a_placeholder(error: BaseException) -> bool:
    """Whether a driver has met a wrong placeholder; not all of them raise an error of their own."""
    of_driver = isinstance(error, DBAPIError) or any(
        frame.f_globals.get("__name__") == "sqlalchemy.engine.default"
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    return of_driver and _PLACEHOLDERS.search(_first_line(error)) is not None


def _first_line(error: BaseException) -> str:
    return text_of(error).partition("\n")[0]


_ADVICE: tuple[tuple[Callable[[BaseException], bool], str], ...] = (
    (
        _is_plain_string,
        'conn.execute takes no plain string: wrap it in text("…") of sqlalchemy.',
    ),
    (
        _lacks_a_parameter,
        "text() takes a colon before a name for a parameter. Where the colon itself is meant, write"
        r" \: in a raw string, or pass the value as a parameter.",
    ),
    (
        _misreads_a_placeholder,
        "exec_driver_sql() leaves % and ? to the driver, which takes them for placeholders. Write"
        " conn.execute with text(…): there % is only itself, and parameters are written :name.",
    ),
)
