r"""A delimited text in the one form that LOAD DATA reads without doubt.

There, no field is in quotes, and a backslash escapes what is not to be taken for something else.
``\N`` is NULL. LOAD DATA has quotes too, but takes the word NULL without quotes for a NULL, and
cannot tell an empty field from an empty text in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from delembic.database.dialects.loads.cargo import Form

_NULL = rb"\N"


def escaper(form: Form, *, single: bool = False) -> Callable[[bytes], bytes]:
    r"""Return what brings blocks of whole records into that form.

    Args:
        form: The form of the blocks.
        single: Whether they have but one field in each record, so that an empty line is a NULL.

    Example:
        >>> escaper(Form(",", '"', ""))(b'1,"a,""b""\n\\",\n')
        b'1,a\\,"b"\\\n\\\\,\\N\n'
    """
    quote = form.quote.encode() if form.quote else None
    delimiter = form.delimiter.encode()
    with_nulls = _empty_to_null(delimiter, single) if not form.null else _word_to_null(form)

    def escape(block: bytes) -> bytes:
        block = block.replace(b"\\", b"\\\\")
        if quote is None or quote not in block:
            return with_nulls(block)
        pieces = block.split(quote)
        outside = with_nulls(quote.join(pieces[::2])).split(quote)
        inside = quote.join(pieces[1::2])
        inside = inside.replace(delimiter, b"\\" + delimiter).replace(b"\n", b"\\\n")
        # Between two pieces that are inside, nothing stands for a quote that was doubled.
        pieces[::2] = [outside[0], *(each or quote for each in outside[1:-1]), outside[-1]]
        pieces[1::2] = inside.split(quote)
        return b"".join(pieces)

    return escape


def _empty_to_null(delimiter: bytes, single: bool) -> Callable[[bytes], bytes]:
    two, with_null = delimiter * 2, delimiter + _NULL + delimiter
    first, last = b"\n" + delimiter, delimiter + b"\n"

    def replace(text: bytes) -> bytes:
        text = b"\n" + text
        if two in text:
            # Twice, since those that were found do not overlap.
            text = text.replace(two, with_null).replace(two, with_null)
        text = text.replace(first, b"\n" + _NULL + delimiter)
        text = text.replace(last, delimiter + _NULL + b"\n")
        if single:
            text = text.replace(b"\n\n", b"\n\\N\n").replace(b"\n\n", b"\n\\N\n")
        return text[1:]

    return replace


def _word_to_null(form: Form) -> Callable[[bytes], bytes]:
    word = re.escape(form.null.encode().replace(b"\\", b"\\\\"))
    edge = re.escape(form.delimiter.encode())
    pattern = re.compile(rb"(?<![^%b\n])%b(?![^%b\n])" % (edge, word, edge))
    return lambda text: pattern.sub(rb"\\N", text)
