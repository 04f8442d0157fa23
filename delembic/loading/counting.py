"""The rows of a load in the count of a migration's rows.

A load sends much that goes past SQLAlchemy, and some statements that would count wrongly. So while
it lasts, no statement counts, and at its end it tells its rows itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

_COUNTER = "delembic_row_counter"
_IS_LOADING = "delembic_is_loading"


@contextmanager
def counting_loads(conn: Connection, add: Callable[[int], None]) -> Iterator[None]:
    """Have the rows of each load on a connection counted.

    Args:
        conn: The connection.
        add: Is called with the number of rows of a load.
    """
    conn.execution_options(**{_COUNTER: add})
    try:
        yield
    finally:
        conn.execution_options(**{_COUNTER: None})


def is_loading(conn: Connection) -> bool:
    """Whether a load sends the statements of a connection right now."""
    return bool(conn.get_execution_options().get(_IS_LOADING))


@contextmanager
def loading(conn: Connection) -> Iterator[Callable[[int], None]]:
    """Let no statement in the block count. Yield what is to be called with the number of rows."""
    add: Callable[[int], None] | None = conn.get_execution_options().get(_COUNTER)
    conn.execution_options(**{_IS_LOADING: True})
    try:
        yield add or (lambda rows: None)
    finally:
        conn.execution_options(**{_IS_LOADING: False})
