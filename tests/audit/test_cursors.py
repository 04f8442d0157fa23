"""Cursors keep the types of their values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delembic.audit.cursors import decode, encode
from delembic.errors import UnfitCursorError

_VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.uuids()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
)


@given(st.recursive(_VALUES, lambda each: st.lists(each) | st.dictionaries(st.text(), each)))
def test_any_value_comes_back_as_it_was(value: object) -> None:
    assert decode(encode(value)) == value


def test_types_are_kept() -> None:
    values = [
        Decimal("1.50"),
        UUID(int=7),
        date(2024, 1, 15),
        datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
        time(10, 30),
        timedelta(days=-1, microseconds=3),
        b"\x00\xff",
    ]

    assert [type(value) for value in decode(encode(values))] == [type(value) for value in values]


def test_the_text_is_plain_ascii() -> None:
    assert encode("naïve ☃").isascii()


@pytest.mark.parametrize(
    "value",
    [object(), float("nan"), {1: 2}, {"a": {3}}],
    ids=["object", "no number", "key", "set"],
)
def test_what_cannot_be_kept_is_refused(value: object) -> None:
    with pytest.raises(UnfitCursorError, match="cannot be kept"):
        encode(value)
