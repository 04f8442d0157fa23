"""Database URLs: parsed from a setting, and rendered without their secrets."""

from __future__ import annotations

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from delembic.config import Config
from delembic.redaction import MASK, is_secret, redact

_COMMENT = re.compile(r"\s[#;]")
"""A comment after a value. SQLite would make it part of the name of a new file."""


def parse_url(config: Config, key: str, text: str) -> URL:
    """Return the URL in a setting, as it is written there.

    Raises:
        SettingError: The setting is not a URL.
    """
    if _COMMENT.search(text):
        raise config.error(
            key,
            "is followed by a comment, which an ini file treats as part of the value.",
            "Put the comment on a line of its own.",
        )
    url = _parsed(text)
    if url is None:
        # Neither the text nor the parser's message is included: both may contain a password.
        raise config.error(
            key,
            "is not a database URL.",
            "Write it as DIALECT+DRIVER://USER:PASSWORD@HOST:PORT/DATABASE, with special characters"
            " in the password percent-encoded.",
        )
    return url


def masked(url: URL) -> str:
    """Return a URL as text, without its secrets, including those in its query string.

    Example:
        >>> masked(make_url("postgresql://ann:secret@db/x?sslpassword=secret&sslmode=require"))
        'postgresql://ann:***@db/x?sslmode=require&sslpassword=***'
    """
    query = {
        name: MASK if is_secret(name) else redact(value) if isinstance(value, str) else value
        for name, value in url.query.items()
    }
    return url.set(query=query).render_as_string(hide_password=True).replace("%2A%2A%2A", MASK)


def _parsed(text: str) -> URL | None:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: the port is not a number
        return None
    # An unescaped @ ends the password too early: its rest would be taken for the host and printed.
    address, _, _ = text.partition("?")
    return None if url.password and address.count("@") > 1 else url
