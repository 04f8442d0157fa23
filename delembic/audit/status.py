"""The words for what became of a revision: those that are stored, and those that are shown."""

from enum import StrEnum


class Status(StrEnum):
    """What ``delembic_version`` and ``delembic_run_history`` hold in ``status``."""

    SUCCESS = "success"
    FAILED = "failed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


class State(StrEnum):
    """What people are told about a revision."""

    APPLIED = "applied"
    FAILED = "failed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"
    PENDING = "pending"
