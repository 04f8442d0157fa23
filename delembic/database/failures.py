"""Failures of delembic's own statements, as errors for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from delembic.causes import describe
from delembic.database.connections import driver_text
from delembic.database.dialects import known_kinds
from delembic.errors import DatabaseFailedError, RightMissingError


@contextmanager
def reporting_failures() -> Iterator[None]:
    """Turn the failure of one of delembic's own statements into an error for people.

    Raises:
        RightMissingError: The role may not do what a statement in the block asks for.
        DatabaseFailedError: A statement in the block failed for another reason.
    """
    try:
        yield
    except DBAPIError as error:
        text = driver_text(error)
        raise (RightMissingError if lacks_right(error) else DatabaseFailedError)(text) from error
    except UnicodeEncodeError as error:  # the id of a revision, which must stay as it is
        raise DatabaseFailedError(describe(error)) from error


def lacks_right(error: DBAPIError) -> bool:
    """Whether the role may not do what a statement asks for, on any kind of database."""
    cause = error.orig
    return cause is not None and any(kind.lacks_right(cause) for kind in known_kinds().values())
