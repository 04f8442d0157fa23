"""What the audit log keeps of an exception that a migration raised."""

from __future__ import annotations

import traceback
from types import TracebackType

from delembic.redaction import redact

# The column of delembic 1.x holds 65,535 bytes on MySQL.
_LONGEST_BYTES = 60_000


def error_text(error: BaseException) -> str:
    """Return the whole error with its traceback; of a very long one the end, which says most."""
    lines = traceback.format_exception(type(error), error, _users_part(error.__traceback__))
    # PostgreSQL takes no zero byte, and no database takes half of a surrogate pair.
    text = redact("".join(lines)).replace("\0", "\\x00").encode(errors="backslashreplace")
    return text[-_LONGEST_BYTES:].decode(errors="ignore")


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of delembic that led to the user's code, unless there are no others."""
    rest = trace
    while rest and rest.tb_frame.f_globals.get("__name__", "").startswith("delembic."):
        rest = rest.tb_next
    return rest or trace
