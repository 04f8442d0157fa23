"""The names of operations, phases, statuses and states."""

from enum import StrEnum


class Operation(StrEnum):
    """The values of the column ``operation`` of ``delembic_run_history``."""

    UPGRADE = "upgrade"
    VERIFY = "verify"
    ACCEPT = "accept"
    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"


class Phase(StrEnum):
    """The phases of an attempt, in order.

    ``prepare``, ``upgrade``, ``upgrade_batch`` and ``validate`` run the user's code; the others run
    delembic's own statements.
    """

    BEGIN = "begin"
    PREPARE = "prepare"
    UPGRADE = "upgrade"
    BATCH = "upgrade_batch"
    VALIDATE = "validate"
    MARK = "mark"
    COMMIT = "commit"


class TransactionState(StrEnum):
    """What has become of the transaction that a migration was given."""

    OPEN = "open"
    """It is still the one that was begun, so all that was done can be rolled back."""

    COMMITTED = "committed"
    """It was committed, so what was done until then stays."""

    ROLLED_BACK = "rolled back"
    """It was rolled back, so what was done until then is lost."""


class Undone(StrEnum):
    """What a rollback has undone."""

    ALL = "all"
    NOTHING = "nothing"
    LAST_BATCH = "the last batch"
    NOT_WHAT_WAS_COMMITTED = "not what was committed"
    NOT_WHAT_WAS_OUTSIDE = "not what was done outside of a transaction"
    NOT_TABLES_WITHOUT_TRANSACTIONS = "not tables without transactions"


class Status(StrEnum):
    """The values of the column ``status`` of ``delembic_version`` and ``delembic_run_history``."""

    SUCCESS = "success"
    FAILED = "failed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
    BLOCKED = "blocked"


class State(StrEnum):
    """The state of a revision, as it is reported to people."""

    APPLIED = "applied"
    FAILED = "failed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
    BLOCKED = "blocked"
    PENDING = "pending"
