"""What goes wrong when migrations are run or verified."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from delembic.errors.root import DelembicError, render_path
from delembic.status import Undone


class MigrationFailedError(DelembicError):
    """A migration raised, or the database failed; its work is rolled back and on record.

    Attributes:
        revision: Which one.
        phase: How far it had come: see `delembic.Phase`.
        reason: The error's type and text, on one or a few lines.
        history_id: The attempt's row in ``delembic_run_history``, once it has one.
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

    def explain(self, undone: Undone, *, connection_lost: bool) -> None:
        """Let the remedy fit what has become of the work.

        Args:
            undone: What the rollback has undone.
            connection_lost: Whether the connection to the database was lost.
        """
        if undone != Undone.ALL:
            self.remedy = _WHAT_STAYS[undone]
        elif connection_lost:
            self.remedy = _CONNECTION_LOST


_CORRECT = (
    "Its work was rolled back and the attempt recorded. Correct the migration or the data,"
    " then run the upgrade again."
)
_NOTHING_DONE = (
    "Nothing of it was run, and the attempt is recorded. Run the upgrade again when the database"
    " can be used."
)
_CONNECTION_LOST = (
    "The connection to the database was lost, and its work was rolled back with it; the attempt is"
    " recorded. Run the upgrade again when the database answers."
)
_WHAT_STAYS = {
    Undone.NOTHING: "It runs outside of a transaction, so what it did stays, and the next attempt"
    " does it again. Correct the migration or the data, then run the upgrade again.",
    Undone.NOT_WHAT_WAS_COMMITTED: "It had committed some of its work by itself; that part stays,"
    " and the next attempt does it again. Correct the migration or the data, then run the upgrade"
    " again.",
    Undone.NOT_WHAT_WAS_OUTSIDE: "Its transaction had ended before, so what it did afterwards was"
    " not rolled back: that part stays, and the next attempt does it again. Correct the migration"
    " or the data, then run the upgrade again.",
    Undone.NOT_TABLES_WITHOUT_TRANSACTIONS: "It changed tables without transactions (MyISAM or"
    " Aria); these changes stay, and the next attempt does them again. Correct the migration or the"
    " data, or convert the tables with ALTER TABLE … ENGINE = InnoDB, then run the upgrade again.",
}


class MigrationBlockedError(DelembicError):
    """A migration waits for others that are not applied; it was not run."""

    def __init__(self, revision: str, waits_for: Sequence[str]) -> None:
        names = ", ".join(waits_for)
        super().__init__(
            f"{revision} was not run: it depends on {names}, not applied yet.",
            f"Apply {names} first, or run 'delembic upgrade {revision}', which does both.",
        )
        self.revision, self.waits_for = revision, tuple(waits_for)
        self.history_id: int | None = None


class NotVerifiableError(DelembicError):
    """Revisions were named of which there is nothing to verify. Nothing was run.

    Args:
        obstacles: Why not, by revision: ``it is not applied``, for instance.
    """

    exit_code = 2

    def __init__(self, obstacles: Mapping[str, str]) -> None:
        lines = [f"  {revision}: {obstacle}" for revision, obstacle in obstacles.items()]
        super().__init__(
            "\n".join(["Nothing was run, as some of these cannot be verified:", *lines]),
            "Leave them out. Without any revision, all that can be verified is.",
        )
        self.obstacles = dict(obstacles)


class VerificationCutOffError(DelembicError):
    """The database was lost while the data was looked at; that says nothing about the data."""

    exit_code = 2

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"{revision} could not be verified to its end: {reason}",
            "Nothing was changed. Verify again when the database answers.",
        )
        self.revision = revision


class DataDriftedError(DelembicError):
    """The data is no longer what applied migrations expect of it. They stay applied.

    Args:
        revisions: Those whose ``validate`` raised.
        verified: How many were verified.
    """

    def __init__(self, revisions: Sequence[str], verified: int) -> None:
        super().__init__(
            f"{len(revisions)} of {verified} did not pass: the data is no longer what"
            f" {', '.join(revisions)} expect{'s' if len(revisions) == 1 else ''} of it.",
            f"Nothing was changed. Correct the data, with a new migration for instance, and verify"
            f" again. See it whole: delembic show {revisions[0]}",
        )
        self.revisions = tuple(revisions)


class SchemaNotReadyError(DelembicError):
    """The plan needs Alembic revisions that the database does not have. Nothing has run."""

    def __init__(self, missing: Mapping[str, Sequence[str]], alembic_config: Path) -> None:
        lines = [f"  {name}, needed by {', '.join(users)}" for name, users in missing.items()]
        target = next(iter(missing)) if len(missing) == 1 else "heads"
        super().__init__(
            "\n".join(["Nothing was run: Alembic revisions are not applied:", *lines]),
            f"Run: alembic -c {render_path(alembic_config)} upgrade {target}",
        )
        self.missing = missing


class DatabaseFailedError(DelembicError):
    """A statement of delembic's own failed, or the connection broke in the middle of it.

    Args:
        reason: What the driver said.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database failed: {reason}",
            "If that passes, run the upgrade again: it settles what was left unfinished.",
        )


class ConnectionClosedError(DelembicError):
    """A migration closed the connection that it was given; the work on it is lost."""

    def __init__(self) -> None:
        super().__init__("The connection is closed; leave that to delembic.")


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
        reason: The first error.
        place: Where it came, as ``file.py:12``; empty if nobody knows.
    """

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(
            f"An error was caught{f' in {place}' if place else ''}, but the database had given up"
            f" the transaction: {reason}. Put what may fail into 'with conn.begin_nested():'."
        )
        self.place = place


class LockTimeoutError(DelembicError):
    """Another runner held the lock for longer than we were told to wait."""

    exit_code = 4

    def __init__(self, revision: str, holder: str, timeout_seconds: float) -> None:
        super().__init__(
            f"The lock of {revision} is held by {holder}; gave up after waiting"
            f" {timeout_seconds:g} s.",
            "Wait for it to end and run the upgrade again, or wait longer, with lock_timeout in the"
            " ini or --lock-timeout.",
        )
        self.revision, self.holder = revision, holder


class LockLostError(DelembicError):
    """Another runner took over the lock while the migration ran; its work was rolled back."""

    exit_code = 4

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"{revision} was rolled back: its lease ran out while it was not renewed, and another"
            " runner has taken over.",
            "See what became of it with 'delembic history'. If this happens again, give it more"
            " time with lock_lease in the ini.",
        )
        self.revision = revision
