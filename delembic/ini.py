"""Reads an ini file, and reports what is wrong with it without quoting it.

A line may be part of a database URL that contains a password. The parser's own errors repeat such
lines, so they are not passed on.
"""

from __future__ import annotations

from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
    ParsingError,
)
from configparser import Error as ParserError
from pathlib import Path

from delembic.errors import ConfigurationError, render_path


def read_ini(path: Path) -> ConfigParser:
    """Read an ini file. Nothing is interpolated: a ``%`` in a password stays a ``%``.

    Raises:
        ConfigurationError: It cannot be read.
    """
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except (ParserError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(
            f"{render_path(path)} cannot be read: {_fault(error)}.",
            "Correct the file; it must be an ini file in UTF-8.",
        ) from None
    return parser


def _fault(error: ParserError | UnicodeDecodeError | OSError) -> str:
    match error:
        case DuplicateOptionError():
            text = f"line {error.lineno} sets {error.option} of [{error.section}] again"
        case DuplicateSectionError():
            text = f"line {error.lineno} begins [{error.section}] again"
        case MissingSectionHeaderError():
            text = f"line {error.lineno} comes before any [section]"
        case ParsingError(errors=[(line, _), *_]):
            text = f"line {line} is neither a [section] nor 'key = value'"
        case UnicodeDecodeError():
            text = "it is not in UTF-8"
        case OSError():
            text = str(error.strerror)
        case _:
            text = type(error).__name__
    return text
