"""A checksum tells texts apart, and not the forms in which they are stored."""

from __future__ import annotations

import codecs
import hashlib

import pytest

from delembic.revisions.checksum import checksum_of, former_checksums_of

TEXT = b"# loads\n\nrows = 1\n"
FORMS = {
    "windows": TEXT.replace(b"\n", b"\r\n"),
    "old macs": TEXT.replace(b"\n", b"\r"),
    "byte order mark": codecs.BOM_UTF8 + TEXT,
    "windows with a byte order mark": codecs.BOM_UTF8 + TEXT.replace(b"\n", b"\r\n"),
    "both line ends": b"# loads\r\n\nrows = 1\r\n",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_all_forms_of_one_text_have_the_same_checksum(form: bytes) -> None:
    assert checksum_of(form) == checksum_of(TEXT) == hashlib.sha256(TEXT).hexdigest()


@pytest.mark.parametrize(
    "other",
    [b"# loads\n\nrows = 2\n", b"# loads\n\n\nrows = 1\n", b"# loads\n\nrows = 1", b""],
    ids=["a value", "a blank line", "no line end at the end", "nothing"],
)
def test_another_text_has_another_checksum(other: bytes) -> None:
    assert checksum_of(other) != checksum_of(TEXT)
    assert checksum_of(other) not in former_checksums_of(TEXT)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_was_recorded_of_the_bytes_is_known_again(form: bytes) -> None:
    recorded = hashlib.sha256(form).hexdigest()

    assert recorded in former_checksums_of(form)
    if form != FORMS["both line ends"]:  # which nothing can be restored from
        assert recorded in former_checksums_of(TEXT)
