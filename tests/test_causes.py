"""An exception of anybody's as a few lines of text."""

from __future__ import annotations

import pytest

from delembic.causes import brief, describe


class OddError(Exception):
    """What its text is, nobody can tell."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (ValueError("bad row"), "ValueError: bad row"),
        (ValueError("bad row\n\n  of two\n"), "ValueError: bad row\n  of two"),
        (KeyError("name"), "KeyError: 'name'"),
        (AssertionError(), "AssertionError"),
        (SystemExit(3), "SystemExit: 3"),
        (OddError(), "OddError: <its message cannot be rendered>"),
    ],
)
def test_it_is_told_by_its_type_and_its_text(cause: BaseException, text: str) -> None:
    assert describe(cause) == text


def test_without_a_text_it_is_told_by_the_line_that_raised_it() -> None:
    with pytest.raises(KeyError) as caught:
        raise KeyError

    assert describe(caught.value) == f"KeyError: raise KeyError (test_causes.py:{_line(caught)})"


def test_where_there_is_no_source_the_place_has_to_do() -> None:
    with pytest.raises(ValueError) as caught:
        exec(compile("raise ValueError", "/nowhere/rows.py", "exec"))

    assert describe(caught.value) == "ValueError: (rows.py:1)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 301, f"{'x' * 300}…"),
        ("x" * 300, "x" * 300),
        ("\n".join("abcdef"), "a\nb\nc\nd\ne\nf"),
        ("\n".join("abcdefg"), "a\nb\nc\nd\ne\nf\n…"),
        ("a\tb \x1b[31m\0\ud800", "a\tb \\x1b[31m\\x00\\ud800"),
        ("no table (Background on this error at: https://sqlalche.me/e/20/e3q8)", "no table"),
        (" \n ", ""),
    ],
)
def test_a_text_is_bounded_and_can_be_printed(text: str, shown: str) -> None:
    assert brief(text) == shown


def _line(caught: pytest.ExceptionInfo[BaseException]) -> int:
    return caught.tb.tb_lineno
