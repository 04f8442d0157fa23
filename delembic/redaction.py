"""Keeps passwords out of every text that leaves delembic: output, errors, logs, log entries.

There are two rules. A known secret, which was part of a URL or was given to a driver, is replaced
wherever it appears again. Anything that looks like a secret is replaced too: a password in a URL,
or a setting such as ``password=…``, both of which drivers repeat in their errors.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import quote, quote_plus

MASK = "***"

_WORDS = ("pass", "pwd", "secret", "token", "key")
_SHORTEST = 4
"""The minimum length of a secret to search for; shorter ones may be ordinary words."""

_IN_URL = re.compile(r"(?<=://)([^\s:/@'\"]*):[^\s@'\"]+@")
# No space around the equals sign, so that Python code in a traceback stays as it is.
_IN_SETTING = re.compile(
    r"\b(\w*(?:password|passwd|passphrase|pwd|secret|token)\w*=)"
    r"(?!=)('[^']*'|\"[^\"]*\"|[^\s;&,)'\"]+)",
    re.IGNORECASE,
)

_known: set[str] = set()


def is_secret(name: str) -> bool:
    """Whether a setting of that name contains a secret.

    Example:
        >>> is_secret("sslpassword"), is_secret("sslmode")
        (True, False)
    """
    return any(word in name.lower() for word in _WORDS)


def remember_secrets(settings: Mapping[str, object], public: Collection[object] = ()) -> None:
    """Remember the secrets among some settings, recognized by name, for `redact`.

    Args:
        settings: The settings, by name.
        public: Values that are printed anyway. A password that equals the user's name is no
            secret, and hiding it would make every path that contains it unreadable.
    """
    for name, value in settings.items():
        for text in value if isinstance(value, tuple) else [value]:
            if isinstance(text, str) and is_secret(name) and text not in public:
                _known.update(each for each in _spellings(text) if len(each) >= _SHORTEST)


def redact(text: str) -> str:
    """Return a text without the secrets in it.

    Example:
        >>> redact("no pg_hba.conf entry for host=db user=ann password=tiger")
        'no pg_hba.conf entry for host=db user=ann password=***'
        >>> redact("cannot parse postgresql://ann:tiger@db/x")
        'cannot parse postgresql://ann:***@db/x'
    """
    for secret in sorted(_known, key=len, reverse=True):  # one secret may be part of another
        if secret in text:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    return _IN_SETTING.sub(rf"\1{MASK}", _IN_URL.sub(rf"\1:{MASK}@", text))


def _spellings(secret: str) -> set[str]:
    """Return a secret as a URL, a form and Python's ``repr`` may write it."""
    return {secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
