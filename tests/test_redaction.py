"""Passwords are kept out of texts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from delembic import redaction
from delembic.redaction import redact, remember_secrets


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    """Each test begins with a process that has seen no secret."""
    before = set(redaction._known)
    redaction._known.clear()
    yield
    redaction._known.clear()
    redaction._known.update(before)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x://ann:ti/ger@db", "x://ann:***@db"),
        ("x://:tiger@db and y://bob:lily@db", "x://:***@db and y://bob:***@db"),
        ("password=tiger host=db", "password=*** host=db"),
        ("PWD=tiger;UID=ann", "PWD=***;UID=ann"),
        ("connect(sslpassword='ti ger', user='ann')", "connect(sslpassword=***, user='ann')"),
        ('access_token="ti ger"', "access_token=***"),
    ],
)
def test_what_looks_like_one_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////srv/a.db",
        "https://example.org:8080/a?b=c",
        "    token = next(tokens)",
        "assert password==other",
        "sorted(rows, key=len)",
        "postgresql://ann@db/x",
    ],
)
def test_what_does_not_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_what_is_known_is_masked_in_each_spelling() -> None:
    remember_secrets({"password": "p@ss w\\rd"})

    assert redact("p@ss w\\rd, p%40ss%20w%5Crd, p%40ss+w%5Crd, 'p@ss w\\\\rd'") == (
        "***, ***, ***, '***'"
    )


def test_of_two_the_longer_one_goes_first() -> None:
    remember_secrets({"password": "tiger", "sslpassword": "tiger lily"})

    assert redact("tiger lily, tiger") == "***, ***"


def test_words_that_contain_it_stay_readable() -> None:
    remember_secrets({"password": "test"})

    assert redact("pytest says: test") == "pytest says: ***"


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"password": "abc"}, "abc"), ({"host": "tiger"}, "tiger"), ({"password": None}, "None")],
)
def test_what_is_short_or_no_secret_is_left_alone(settings: dict[str, object], text: str) -> None:
    remember_secrets(settings)

    assert redact(text) == text


def test_what_is_shown_anyway_is_left_alone() -> None:
    remember_secrets({"password": "delembic"}, public=["delembic", "localhost"])

    assert redact("delembic/versions/D001.py") == "delembic/versions/D001.py"


def test_several_values_of_one_name_are_all_known() -> None:
    remember_secrets({"password": ("tiger", "lily")})

    assert redact("tiger lily") == "*** ***"
