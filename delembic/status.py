"""The names of operations, phases, statuses and states."""

from enum import StrEnum


class Operation(StrEnum):
    """The values of the column ``operation`` of ``delembic_run_history``."""

    UPGRADE = "upgrade"
    VERIFY = "verify"


class Phase(StrEnum):
    """The phases of an attempt, in order.

    ``upgrade`` and ``validate`` run the user's code; the others run delembic's own statements.
    """

    BEGIN = "begin"
    UPGRADE = "upgrade"
    VALIDATE = "validate"
    MARK = "mark"
    COMMIT = "commit"


class Status(StrEnum):
    """The values of the column ``status`` of ``delembic_version`` and ``delembic_run_history``."""

    SUCCESS = "success"
    FAILED = "failed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


class State(StrEnum):
    """The state of a revision, as it is reported to people."""

    APPLIED = "applied"
    FAILED = "failed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"
    PENDING = "pending"
