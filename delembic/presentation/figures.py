"""Times, durations and counts as text, and durations from text."""

from __future__ import annotations

import re
from datetime import datetime

_MINUTE, _HOUR = 60, 3600
_PARTS = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", re.ASCII)


def moment(time: datetime | None) -> str:
    """Return a time to the second, with its offset."""
    return time.isoformat(" ", "seconds") if time else "at an unknown time"


def duration(seconds: float | None) -> str:
    """Return a duration in readable form; an empty string if it is unknown.

    Example:
        >>> [duration(seconds) for seconds in (1.237, 185, 7384, None)]
        ['1.24s', '3m 05s', '2h 03m 04s', '']
    """
    if seconds is None:
        return ""
    # Compare the rounded value, as it is what gets printed: 59.999 seconds are a minute.
    if round(seconds, 2) < _MINUTE:
        return f"{seconds:.2f}s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes * _MINUTE < _HOUR:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}h {minutes:02}m {rest:02}s"


def seconds_in(text: str) -> float:
    """Return a duration that people have written, in seconds; a bare number is in seconds.

    Raises:
        ValueError: It is none.

    Example:
        >>> [seconds_in(text) for text in ("2h", "1h30m", "45s", "0.5")]
        [7200.0, 5400.0, 45.0, 0.5]
    """
    match = _PARTS.fullmatch(text.strip().lower())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is no length of time. Write it as 2h, 30m or 45s.")
    return sum(
        float(part) * unit
        for part, unit in zip(match.groups(), (_HOUR, _MINUTE, 1), strict=True)
        if part is not None
    )


def span(seconds: float) -> str:
    """Return a duration as a part of a sentence.

    Example:
        >>> [span(seconds) for seconds in (2.13, 185)]
        ['2.1 s', '3m 05s']
    """
    return f"{seconds:.1f} s" if round(seconds, 1) < _MINUTE else duration(seconds)


def rows(count: int | None) -> str:
    """Return a number of rows.

    Example:
        >>> [rows(count) for count in (0, 1, 13622, None)]
        ['0 rows', '1 row', '13,622 rows', 'unknown rows']
    """
    if count is None:
        return "unknown rows"
    return f"{count:,} row{'' if count == 1 else 's'}"
