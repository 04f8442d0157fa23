"""Errors of running and verifying migrations."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from delembic.errors.root import DelembicError, render_path
from delembic.status import Undone


class MigrationFailedError(DelembicError):
    """A migration raised an error, or the database failed. The attempt is recorded.

    Attributes:
        revision: The migration's revision.
        phase: The phase in which it failed; see `delembic.Phase`.
        reason: The error's type and text, on one or a few lines.
        history_id: The attempt's log entry in ``delembic_run_history``, once it has one.
    """

    def __init__(self, revision: str, phase: str, reason: str) -> None:
        begun = phase != "begin"
        super().__init__(
            f"{revision} failed in {phase}: {reason}"
            if begun
            else f"{revision} could not begin: {reason}",
            _CORRECT if begun else _NOTHING_DONE,
        )
        self.revision, self.phase, self.reason = revision, phase, reason
        self.history_id: int | None = None

    def explain(self, undone: Undone, *, connection_lost: bool, advice: str = "") -> None:
        """Let the remedy fit what has become of the work.

        Args:
            undone: What the rollback has undone.
            connection_lost: Whether the connection to the database was lost.
            advice: What helps against the error itself, if that is known.
        """
        if undone != Undone.ALL:
            self.remedy = _WHAT_STAYS[undone]
        elif connection_lost:
            self.remedy = _CONNECTION_LOST
        self.remedy = "\n".join(filter(None, (advice, self.remedy)))


_CORRECT = (
    "Its work was rolled back and the attempt was recorded. Correct the migration or the data,"
    " then run the upgrade again."
)
_NOTHING_DONE = (
    "None of it was run, and the attempt was recorded. Run the upgrade again when the database is"
    " available."
)
_CONNECTION_LOST = (
    "The connection to the database was lost. That rolled back the migration's work, and the"
    " attempt was recorded. Run the upgrade again when the database is available."
)
_WHAT_STAYS = {
    Undone.NOTHING: "The migration runs outside of a transaction. Its work stays, and the next"
    " attempt will repeat it. Correct the migration or the data, then run the upgrade again.",
    Undone.LAST_BATCH: "The last batch was rolled back, the batches before it stay, and the attempt"
    " was recorded. Correct the migration or the data, then run the upgrade again: it goes on from"
    " there.",
    Undone.NOT_WHAT_WAS_COMMITTED: "The migration committed some of its work itself. That part"
    " stays, and the next attempt will repeat it. Correct the migration or the data, then run the"
    " upgrade again.",
    Undone.NOT_WHAT_WAS_OUTSIDE: "The migration had ended its transaction, and its later work was"
    " not rolled back. That part stays, and the next attempt will repeat it. Correct the migration"
    " or the data, then run the upgrade again.",
    Undone.NOT_TABLES_WITHOUT_TRANSACTIONS: "The migration changed tables without transactions"
    " (MyISAM or Aria). These changes stay, and the next attempt will repeat them. Correct the"
    " migration or the data, or convert the tables with ALTER TABLE … ENGINE = InnoDB, then run the"
    " upgrade again.",
}


class MigrationBlockedError(DelembicError):
    """A migration was not run, because it depends on others that are not applied."""

    def __init__(self, revision: str, waits_for: Sequence[str]) -> None:
        names = ", ".join(waits_for)
        super().__init__(
            f"{revision} was not run: it depends on {names}, which"
            f" {'is' if len(waits_for) == 1 else 'are'} not applied yet.",
            f"Apply {names} first, or run 'delembic upgrade {revision}', which applies its"
            " dependencies too.",
        )
        self.revision, self.waits_for = revision, tuple(waits_for)
        self.history_id: int | None = None


class VerificationCutOffError(DelembicError):
    """The database was lost during a verification, so nothing is known about the data."""

    exit_code = 2

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"The verification of {revision} was cut off: {reason}",
            "Nothing was changed. Verify again when the database is available.",
        )
        self.revision = revision


class DataDriftedError(DelembicError):
    """The data is no longer what applied migrations expect. They stay applied.

    Args:
        revisions: The revisions whose ``validate`` raised an error.
        verified: How many revisions were verified.
    """

    def __init__(self, revisions: Sequence[str], verified: int) -> None:
        super().__init__(
            f"{len(revisions)} of {verified} did not pass: the data is no longer what"
            f" {', '.join(revisions)} expect{'s' if len(revisions) == 1 else ''}.",
            f"Nothing was changed. Correct the data, for example with a new migration, and verify"
            f" again. See the whole error: delembic show {revisions[0]}",
        )
        self.revisions = tuple(revisions)


class SchemaNotReadyError(DelembicError):
    """The plan needs Alembic revisions that are not applied. Nothing was run."""

    def __init__(self, missing: Mapping[str, Sequence[str]], alembic_config: Path) -> None:
        lines = [f"  {name}, needed by {', '.join(users)}" for name, users in missing.items()]
        target = next(iter(missing)) if len(missing) == 1 else "heads"
        super().__init__(
            "\n".join(["Nothing was run, because Alembic revisions are not applied:", *lines]),
            f"Run: alembic -c {render_path(alembic_config)} upgrade {target}",
        )
        self.missing = missing


class DatabaseFailedError(DelembicError):
    """One of delembic's own statements failed, or the connection broke while it ran.

    Args:
        reason: The driver's message.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database failed: {reason}",
            "Once that is resolved, run the upgrade again; it settles any unfinished attempt.",
        )


class ConnectionClosedError(DelembicError):
    """A migration closed the connection that it was given, so its work is lost."""

    def __init__(self) -> None:
        super().__init__("The migration closed its connection; leave that to delembic.")


class WorkLostError(DelembicError):
    """A migration rolled its transaction back, so what it had done until then is lost.

    Args:
        place: Where, as ``file.py:12``; empty if it went past SQLAlchemy.
    """

    def __init__(self, place: str) -> None:
        super().__init__(
            f"Its transaction was rolled back{f' in {place}' if place else ''}, and what it had"
            " done until then is lost. Put what may fail into 'with conn.begin_nested():' and roll"
            " only that back."
        )
        self.place = place


class PreparedTransactionError(DelembicError):
    """A migration has prepared its transaction for a two-phase commit. It was rolled back."""

    def __init__(self) -> None:
        super().__init__(
            "The migration has prepared its transaction, which would then be committed without its"
            " mark. Leave PREPARE TRANSACTION out: delembic commits the work."
        )


class IgnoredStatementError(DelembicError):
    """A migration sent a statement that its database ignores inside of a transaction.

    Args:
        statement: Its first words.
    """

    def __init__(self, statement: str) -> None:
        super().__init__(
            f"SQLite ignores {statement} inside of a transaction. Write 'transaction = False' in"
            " the class to run the migration outside of one."
        )


class SwallowedErrorError(DelembicError):
    """A migration caught an error of the database that had made its transaction unusable.

    Args:
        reason: The error; empty if it went past SQLAlchemy.
        place: Where it came, as ``file.py:12``; empty if nobody knows.
    """

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(
            f"An error was caught{f' in {place}' if place else ''}, but the database had given up"
            f" the transaction{f': {reason}' if reason else ''}. Put what may fail into"
            " 'with conn.begin_nested():'."
        )
        self.place = place


class MarkRefusedError(DelembicError):
    """The mark of a success did not get into its table, so nothing is committed.

    Args:
        table: The name of the table.
        reason: Why not.
    """

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(f"The mark could not be written to {table}: {reason}")


class CommitInDoubtError(DelembicError):
    """The connection was lost during a COMMIT, and nobody can tell yet whether it took effect.

    The attempt stays ``running`` in the audit log until a later run finds out.
    """

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"{revision} may have taken effect: the connection was lost during its COMMIT, and the"
            f" database has not yet reported what became of it. {reason}",
            "Run the upgrade again when the database is available. It finds out, and does nothing"
            " twice.",
        )
        self.revision = revision


class CommitLostError(DelembicError):
    """The database confirmed a COMMIT and has lost it since, so nothing took effect."""

    def __init__(self) -> None:
        super().__init__(
            "The database confirmed the commit, but has lost it: the server crashed with"
            " synchronous_commit = off, or a standby took its place that had not received it."
        )


class LockTimeoutError(DelembicError):
    """Another run held the lock for longer than the timeout."""

    exit_code = 4

    def __init__(self, revision: str, holder: str, timeout_seconds: float) -> None:
        super().__init__(
            f"The lock of {revision} is held by {holder}; delembic gave up after waiting"
            f" {timeout_seconds:g} s.",
            "Run the upgrade again when the other run has ended, or wait longer with lock_timeout"
            " in the ini or --lock-timeout.",
        )
        self.revision, self.holder = revision, holder


class LockLostError(DelembicError):
    """Another run took over the lock while the migration ran; its work was rolled back."""

    exit_code = 4
    what = "was rolled back: its lease expired before it was renewed, and another run took over."
    help = "If this happens again, increase lock_lease in the ini."

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"{revision} {self.what}", f"Check its state with 'delembic history'. {self.help}"
        )
        self.revision = revision


class TakenOverError(LockLostError):
    """Another run goes on with the batches of a migration, so this one commits no more of them."""

    what = "stopped, because another run goes on with its batches."
    help = "If lock is none in the ini, nothing keeps runs apart before they begin."
