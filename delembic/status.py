"""The words for what is done to a revision, how far it came, and what became of it."""

from enum import StrEnum


class Operation(StrEnum):
    """What ``delembic_run_history`` holds in ``operation``."""

    UPGRADE = "upgrade"
    VERIFY = "verify"


class Phase(StrEnum):
    """How far an attempt has come, in the order of its steps.

    ``upgrade`` and ``validate`` are the user's code; the others are statements of delembic's own.
    """

    BEGIN = "begin"
    UPGRADE = "upgrade"
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
    NOT_WHAT_WAS_COMMITTED = "not what was committed"
    NOT_WHAT_WAS_OUTSIDE = "not what was done outside of a transaction"
    NOT_TABLES_WITHOUT_TRANSACTIONS = "not tables without transactions"


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
