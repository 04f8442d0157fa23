r"""The checksum of a migration file, which is the same wherever the file is checked out.

Git and editors change the ends of lines, and some editors put a byte order mark in front. Python
reads the same program from all of these forms, so all of them have the same checksum.

Example:
    >>> checksum_of(b"a = 1\n") == checksum_of(b"\xef\xbb\xbfa = 1\r\n")
    True
    >>> hashlib.sha256(b"a = 1\r\n").hexdigest() in former_checksums_of(b"a = 1\n")
    True
"""

from __future__ import annotations

import codecs
import hashlib

_LINE_ENDS = (b"\n", b"\r\n", b"\r")
_BEGINNINGS = (b"", codecs.BOM_UTF8)


def checksum_of(content: bytes) -> str:
    """Return SHA-256 of a file's text, without the form in which it is stored."""
    return _sha256(_text(content))


def former_checksums_of(content: bytes) -> frozenset[str]:
    """Return what databases may hold for the same text from before the form was left out.

    The checksum was then of the bytes, whatever form they had on the machine that ran them.
    """
    text = _text(content)
    forms = {start + text.replace(b"\n", end) for start in _BEGINNINGS for end in _LINE_ENDS}
    return frozenset(map(_sha256, {content, *forms}))


def _text(content: bytes) -> bytes:
    text = content.removeprefix(codecs.BOM_UTF8)
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
