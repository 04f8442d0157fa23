"""Which characters a connection can carry into its database."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_PYTHONS_NAMES = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
}
_WINDOWS = re.compile(r"win(?=\d)")
_FOUR_BYTES = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Repertoire:
    """The characters that a text may have.

    Attributes:
        encodings: Python's names of encodings. A character must be in all of them.
        four_bytes: Whether it may be one that takes four bytes in UTF-8.
    """

    encodings: tuple[str, ...] = ("utf-8",)
    four_bytes: bool = True

    @classmethod
    def of(cls, names: Iterable[str], *, four_bytes: bool = True) -> Self:
        """Return the repertoire for names that a server gives to its encodings.

        ASCII stands in for an encoding that Python does not know, because all of them contain it.

        Example:
            >>> Repertoire.of(["LATIN1", "WIN1252", "EUC_TW"]).encodings
            ('latin1', 'cp1252', 'ascii')
        """
        return cls(tuple(map(_python_name, names)), four_bytes)

    def fit(self, text: str) -> str:
        r"""Return a text with an escape in place of each character that cannot be held.

        A zero byte and half of a surrogate pair are never held.

        Example:
            >>> Repertoire(("latin1",)).fit("5 Ω, 3 é")
            '5 \\u03a9, 3 é'
        """
        text = text.replace("\0", "\\x00")
        if not self.four_bytes:
            text = _FOUR_BYTES.sub(lambda found: _escaped(found[0], "ascii"), text)
        for encoding in self.encodings:
            text = _escaped(text, encoding)
        return text


ASCII = Repertoire(("ascii",))
"""What every connection can carry."""


def _escaped(text: str, encoding: str) -> str:
    return text.encode(encoding, errors="backslashreplace").decode(encoding)


def _python_name(name: str) -> str:
    lower = name.lower()
    known = _PYTHONS_NAMES.get(lower, _WINDOWS.sub("cp", lower))
    try:
        codecs.lookup(known)
    except LookupError:
        return "ascii"
    return known
