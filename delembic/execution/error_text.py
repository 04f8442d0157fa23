"""The text of an exception, as the audit log stores it."""

from __future__ import annotations

import traceback
from types import TracebackType

from delembic.redaction import redact

# The column of delembic 1.x holds 65,535 bytes on MySQL.
_LONGEST_BYTES = 60_000


def error_text(error: BaseException) -> str:
    """Return the whole error with its traceback. A very long text is cut at its beginning."""
    lines = traceback.format_exception(type(error), error, _users_part(error.__traceback__))
    # PostgreSQL accepts no zero byte, and no database accepts half of a surrogate pair.
    text = redact("".join(lines)).replace("\0", "\\x00").encode(errors="backslashreplace")
    return text[-_LONGEST_BYTES:].decode(errors="ignore")


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Skip delembic's own frames before the user's code, unless there are no others."""
    rest = trace
    while rest and rest.tb_frame.f_globals.get("__name__", "").startswith("delembic."):
        rest = rest.tb_next
    return rest or trace
