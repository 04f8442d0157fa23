"""Checks for `validate` that report what was expected, what was found, and some differences."""

from collections import Counter
from collections.abc import Iterable, Sequence

SHOWN = 3


def expect(what: str, found: object, expected: object) -> None:
    """Raise unless both are equal."""
    if found != expected:
        raise ValueError(f"{what}: expected {expected!r}, found {found!r}")


def expect_rows(
    what: str, found: Iterable[Sequence[object]], expected: Iterable[Sequence[object]]
) -> None:
    """Raise unless both contain the same rows, each equally often, in any order."""
    found_rows, expected_rows = (Counter(tuple(row) for row in rows) for rows in (found, expected))
    if found_rows == expected_rows:
        return
    raise ValueError(
        f"{what}: expected {expected_rows.total()} rows, found {found_rows.total()}"
        f"; missing: {sample(expected_rows - found_rows)}"
        f"; too many: {sample(found_rows - expected_rows)}"
    )


def sample(rows: Counter[tuple[object, ...]]) -> str:
    """Return the first few rows as text, and how many more there are."""
    if not rows:
        return "none"
    shown = ", ".join(str(row) for row in list(rows.elements())[:SHOWN])
    more = rows.total() - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
