"""Any exception as text: as a few readable lines, or with its traceback."""

from __future__ import annotations

import linecache
import re
import traceback
from pathlib import Path
from types import TracebackType

from delembic.redaction import redact

_LINES = 6
_CHARACTERS = 300
"""The limit for one line. The whole text is in the audit log and in the output of --debug."""

_LONGEST_STATEMENT = 2_000
_LONGEST_PART = 52_000
"""The limits of a text with a traceback, in bytes: for an SQL statement that an error repeats,
and for a whole frame or message."""

_STATEMENT = re.compile(r"(?<=\[SQL: ).+?(?=\](?:\n\[|\n\(Background|\s*\Z))", re.DOTALL)
"""The statement in a message of SQLAlchemy's, and in any message that repeats one."""
_NOISE = re.compile(r"\s*\(Background on this error at: \S+\)")


def describe(cause: BaseException) -> str:
    """Return the type of an exception and the beginning of its message, without a traceback.

    If there is no message, as for a plain ``assert``, the line that raised it is given instead.

    Example:
        >>> describe(ValueError("no rows"))
        'ValueError: no rows'
        >>> describe(KeyError())
        'KeyError'
    """
    text = brief(text_of(cause)) or _raising_line(cause)
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


def with_traceback(cause: BaseException, trace: TracebackType | None) -> str:
    r"""Return an exception with its traceback and its causes, and without secrets.

    A long statement is cut in its middle, and so is anything else that would hide the rest: the
    type of each error, its message and its frames stay whole.

    Args:
        cause: The exception.
        trace: Its traceback, or the part of it that matters.

    Example:
        >>> text = with_traceback(ValueError(f"no rows [SQL: SELECT {'1, ' * 10_000}1]"), None)
        >>> len(text) < 3_000, text[:36], text[-10:]
        (True, 'ValueError: no rows [SQL: SELECT 1, ', ' 1, 1, 1]\n')
    """
    parts = traceback.format_exception(type(cause), cause, trace)
    return "".join(_whole_but_for_its_middle(redact(part)) for part in parts)


def _whole_but_for_its_middle(part: str) -> str:
    shorter = _STATEMENT.sub(lambda found: _without_middle(found[0], _LONGEST_STATEMENT), part)
    return _without_middle(shorter, _LONGEST_PART)


def _without_middle(text: str, longest: int) -> str:
    encoded = text.encode(errors="backslashreplace")
    if len(encoded) <= longest:
        return text
    half = longest // 2
    begin, end = (part.decode(errors="ignore") for part in (encoded[:half], encoded[-half:]))
    return f"{begin} … {len(text) - len(begin) - len(end):,} characters left out … {end}"


def text_of(cause: BaseException) -> str:
    """Return ``str(cause)``, or a placeholder if that raises."""
    try:
        return str(cause)
    except Exception:  # noqa: BLE001 - __str__ may be users' code too
        return "<its message cannot be rendered>"


def brief(text: str) -> str:
    """Return the beginning of a text: a few printable lines without secrets.

    Example:
        >>> brief("x" * 1000).endswith("x…")
        True
    """
    lines = [line.rstrip() for line in _NOISE.sub("", redact(text)).strip().splitlines()]
    lines = [line for line in lines if line]
    beginning = [_printable(_cut(line)) for line in lines[:_LINES]]
    return "\n".join([*beginning, "…"] if len(lines) > _LINES else beginning)


def _cut(line: str) -> str:
    return line if len(line) <= _CHARACTERS else f"{line[:_CHARACTERS]}…"


def _printable(line: str) -> str:
    """Escape control characters and characters that cannot be encoded."""
    return "".join(
        c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in line
    )


def _raising_line(cause: BaseException) -> str:
    frames = traceback.extract_tb(cause.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    numbers = range(last.lineno or 0, (last.end_lineno or last.lineno or 0) + 1)
    source = " ".join(linecache.getline(last.filename, number).strip() for number in numbers)
    place = f"{Path(last.filename).name}:{last.lineno}"
    return brief(f"{source} ({place})") if source else f"({place})"
