"""The text of an exception, as the audit log stores it."""

from __future__ import annotations

from types import TracebackType

from delembic.causes import with_traceback

# The column of delembic 1.x holds 65,535 bytes on MySQL.
_LONGEST_BYTES = 60_000


def error_text(error: BaseException) -> str:
    """Return the whole error with its traceback, without the middle of a very long statement.

    Of a chain of very many errors, the beginning is cut off: the last one says the most.
    """
    text = with_traceback(error, _users_part(error.__traceback__))
    # PostgreSQL accepts no zero byte, and no database accepts half of a surrogate pair.
    encoded = text.replace("\0", "\\x00").encode(errors="backslashreplace")
    return encoded[-_LONGEST_BYTES:].decode(errors="ignore")


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Skip delembic's own frames before the user's code, unless there are no others."""
    rest = trace
    while rest and rest.tb_frame.f_globals.get("__name__", "").startswith("delembic."):
        rest = rest.tb_next
    return rest or trace
