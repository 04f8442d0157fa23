"""Records end where PostgreSQL's CSV ends them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delembic.loading import boundaries
from delembic.loading.boundaries import RecordReader, end_of, extent, last_end

TEXT = st.text(alphabet='a",\n\r', max_size=60).map(str.encode)


def _ends(data: bytes, quote: bytes | None, quoted: bool = False) -> list[int]:
    """The same by one look at each byte."""
    found = []
    for index, byte in enumerate(data):
        if quote and byte == quote[0]:
            quoted = not quoted
        elif byte == ord("\n") and not quoted:
            found.append(index + 1)
    return found


@given(TEXT, st.sampled_from([b'"', None]), st.booleans())
def test_counting_finds_what_looking_at_each_byte_finds(
    data: bytes, quote: bytes | None, quoted: bool
) -> None:
    quoted = quoted and quote is not None
    ends = _ends(data, quote, quoted)

    found = extent(data, quote, quoted=quoted)

    assert (found.records, found.end) == (len(ends), ends[-1] if ends else 0)
    assert last_end(data, quote, quoted=quoted) == (found.end, found.quoted)
    assert list(boundaries.ends(data, quote, quoted=quoted)) == ends
    assert [end_of(data, n + 1, quote, quoted=quoted) for n in range(len(ends))] == ends


@given(TEXT, st.integers(1, 9))
def test_blocks_of_any_size_have_the_same_records(data: bytes, size: int) -> None:
    records, quoted = 0, False
    for start in range(0, len(data), size):
        found = extent(data[start : start + size], b'"', quoted=quoted)
        records, quoted = records + found.records, found.quoted

    assert records == len(_ends(data, b'"'))


@given(TEXT, st.integers(1, 9), st.sampled_from(["rows", "size"]), st.integers(1, 7))
def test_parts_of_a_file_are_whole_records_and_together_the_file(
    data: bytes, number: int, unit: str, block: int
) -> None:
    reader = RecordReader(io.BytesIO(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "BLOCK_BYTES", block)
        parts = list(iter(lambda: reader.read(**{unit: number}), b""))

    ends = _ends(data, b'"')
    position = 0
    for part in parts:
        rest = [end for end in ends if end > position]
        if unit == "rows":
            expected = rest[number - 1] if len(rest) >= number else len(data)
        else:
            expected = next((end for end in rest if end - position >= number), len(data))
        position += len(part)
        assert position == expected
    assert b"".join(parts) == data
    assert reader.position == len(data)


def test_a_record_that_is_not_there_cannot_be_found() -> None:
    with pytest.raises(ValueError, match="no 2 records"):
        end_of(b"a\n", 2, b'"')
