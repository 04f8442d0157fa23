"""Who runs a migration: the person, the machine, the process and the program."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass, field
from importlib.metadata import version


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


@dataclass(frozen=True, slots=True)
class Program:
    """Who is named in the log entry of an attempt.

    Attributes:
        executor: The program: ``cli``, ``dagster`` or ``python``.
        executor_run_id: The id that this program gave to its run, such as a Dagster run id.
        username: The user of the operating system.
        hostname: The name of the machine.
        pid: The id of the process.
        tool_version: The version of delembic.
    """

    executor: str = "python"
    executor_run_id: str | None = None
    username: str = field(default_factory=_user)
    hostname: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    tool_version: str = field(default_factory=lambda: version("delembic"))


def has_ended(pid: int | None) -> bool:
    """Whether no process on this machine has a number any more; false if that is not known."""
    if not pid or os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # the process belongs to another user
        return False
    return False
