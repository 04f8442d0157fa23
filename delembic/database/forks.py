"""Keeps connections out of child processes.

A fork copies the sockets of its parent. If the parent is killed, the server does not notice it as
long as a child has a copy: the session lives on, with its locks and its open transaction.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection

_SOCKETS = ("_sock", "_usock")
"""Where drivers written in Python (PyMySQL, pg8000) keep their socket."""

_kept: WeakSet[Connection] = WeakSet()


def keep_from_children(conn: Connection) -> None:
    """Let a process that is forked from now on close its copy of a connection.

    The child sends nothing to the server, where the session goes on. Whatever still uses the
    connection in the child finds it lost. This also applies to a connection that the driver opens
    later in place of a lost one.
    """
    _kept.add(conn)


def _close_copies() -> None:
    """Put a socket whose other end is closed in the place of each connection's socket.

    Closing the descriptors would not do: a driver would later close its number once more, when it
    belongs to something else.
    """
    closed, other_end = socket.socketpair()
    other_end.close()
    with closed:
        for conn in list(_kept):
            with suppress(Exception):  # of any driver; a connection may be half open or closed
                if not conn.closed and not conn.invalidated:
                    descriptor = _descriptor(conn.connection.dbapi_connection)
                    os.dup2(closed.fileno(), descriptor, inheritable=False)


def _descriptor(driver: Any) -> int:
    """Return the descriptor of a driver's connection.

    Raises:
        StopIteration: The driver does not tell it, or there is none, as with SQLite.
    """
    holders = (driver, *(getattr(driver, name, None) for name in _SOCKETS))
    fileno = next(holder.fileno for holder in holders if hasattr(holder, "fileno"))
    return int(fileno())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_copies)
