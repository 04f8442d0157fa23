"""An ini file is read, and what is wrong with it is told without what is written in it.

A line of it may be half of a database URL, with the password. So the parser's own errors, which
repeat such lines, go no further than here.
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
    """Read an ini file. Nothing is interpolated: a ``%`` in a password means itself.

    Raises:
        ConfigurationError: It cannot be read.
    """
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except (ParserError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(
            f"{render_path(path)} cannot be read: {_fault(error)}.",
            "Correct the file; it is an ini in UTF-8.",
        ) from None
    return parser


def _fault(error: ParserError | UnicodeDecodeError | OSError) -> str:
    match error:
        case DuplicateOptionError():
            text = f"line {error.lineno} sets {error.option} of [{error.section}] once more"
        case DuplicateSectionError():
            text = f"line {error.lineno} begins [{error.section}] once more"
        case MissingSectionHeaderError():
            text = f"line {error.lineno} stands before any [section]"
        case ParsingError(errors=[(line, _), *_]):
            text = f"line {line} is neither a [section] nor 'key = value'"
        case UnicodeDecodeError():
            text = "it is not in UTF-8"
        case OSError():
            text = str(error.strerror)
        case _:
            text = type(error).__name__
    return text
