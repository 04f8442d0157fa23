"""Skips a test whose server is not available, or fails it if the server is required."""

import os
from typing import NoReturn

import pytest

KINDS = ("postgresql", "mysql", "redis", "pgbouncer", "browser")
_VARIABLE = "DELEMBIC_TEST_REQUIRE"


class ServerUnavailableError(Exception):
    """The server is not available on this machine; the message has the reason."""


def required_kinds() -> frozenset[str]:
    """The kinds of server that this test run requires.

    Raises:
        pytest.UsageError: The variable names an unknown kind. If this were ignored, a typing error
            would disable the requirement.
    """
    named = frozenset(filter(None, map(str.strip, os.environ.get(_VARIABLE, "").split(","))))
    if unknown := named.difference(KINDS):
        raise pytest.UsageError(
            f"{_VARIABLE} knows {', '.join(KINDS)}, not {', '.join(sorted(unknown))}"
        )
    return named


def do_without(kind: str, reason: ServerUnavailableError) -> NoReturn:
    """Skip the test that needs a server of this kind, or fail it."""
    if kind in required_kinds():
        pytest.fail(f"{_VARIABLE} names {kind}, but {reason}", pytrace=False)
    pytest.skip(str(reason))
