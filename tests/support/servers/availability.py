"""What happens to a test whose server cannot be had: skipped, unless the server is required."""

import os
from typing import NoReturn

import pytest

KINDS = ("postgresql", "mysql", "redis", "pgbouncer", "browser")
_VARIABLE = "DELEMBIC_TEST_REQUIRE"


class ServerUnavailableError(Exception):
    """This machine cannot offer the server; the message is the reason."""


def required_kinds() -> frozenset[str]:
    """The kinds of server that this test run must not go without.

    Raises:
        pytest.UsageError: The variable names a kind that does not exist. Passed over in silence,
            a typing error would switch the requirement off.
    """
    named = frozenset(filter(None, map(str.strip, os.environ.get(_VARIABLE, "").split(","))))
    if unknown := named.difference(KINDS):
        raise pytest.UsageError(
            f"{_VARIABLE} knows {', '.join(KINDS)}, not {', '.join(sorted(unknown))}"
        )
    return named


def do_without(kind: str, reason: ServerUnavailableError) -> NoReturn:
    """Skips the test that asked for a server of this kind, or fails it."""
    if kind in required_kinds():
        pytest.fail(f"{_VARIABLE} names {kind}, but {reason}", pytrace=False)
    pytest.skip(str(reason))
