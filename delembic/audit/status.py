"""The words of the audit log: what was done to a revision, and what became of it."""

from enum import StrEnum


class Operation(StrEnum):
    """What ``delembic_run_history`` holds in ``operation``."""

    UPGRADE = "upgrade"
    VERIFY = "verify"


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
