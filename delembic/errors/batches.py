"""Errors of migrations in batches."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from delembic.errors.root import DelembicError


class _Progress(Protocol):
    """What an error tells of `delembic.events.Progress`."""

    @property
    def rows(self) -> int: ...

    @property
    def fraction(self) -> float | None: ...


class UnfitBatchesError(DelembicError):
    """The work of a migration cannot be cut into batches. Nothing was changed.

    Args:
        problem: Why not.
        remedy: What to do.
    """

    exit_code = 2

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"Its work cannot be cut into batches: {problem}. {remedy}")


class UnfitCursorError(DelembicError):
    """A cursor has a value that cannot be kept.

    Args:
        reason: Which value, and why not.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The cursor cannot be kept: {reason}. Use values of JSON, UUIDs, dates, times,"
            " Decimals and bytes."
        )


class UnmovedCursorError(DelembicError):
    """A user's own object has cut a batch and left the cursor where it was."""

    def __init__(self) -> None:
        super().__init__(
            "next() has returned the cursor that it was given, so the same batch would come again"
            " for ever. Return the cursor of what comes after the batch, or None at the end."
        )


class CommittedBatchError(DelembicError):
    """The user's code has committed in a batch, apart from the record of how far the work is."""

    def __init__(self) -> None:
        super().__init__(
            "It ended its transaction itself, by a commit or by a statement that commits, as DDL"
            " does on MySQL. Had the process died then, the batch would have been done again. Leave"
            " the commit to delembic."
        )


class TooManySkippedError(DelembicError):
    """More rows could not be done than may be left out.

    Args:
        place: The row that is one too many.
        reason: Its error.
        max_skipped: How many may be left out.
    """

    def __init__(self, place: str, reason: str, max_skipped: int) -> None:
        super().__init__(
            f"{place}: {reason} (max_skipped = {max_skipped}, and as many were left out before)"
        )


class BadRowError(DelembicError):
    """A batch was halved down to a row that cannot be done.

    Args:
        place: The row.
        reason: Its error.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place


class OtherBatchesError(DelembicError):
    """What cuts the work is another one than at its beginning, so the checkpoint does not fit.

    Args:
        revision: The migration's revision.
        before: What cut it at the beginning.
        now: What would cut it now.
    """

    exit_code = 2

    def __init__(self, revision: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        changes = "; ".join(
            f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in names
        )
        super().__init__(
            f"{revision} cannot go on where it was stopped, because what cuts it into batches has"
            f" changed: {changes}.",
            "Put it back as it was, or run 'delembic restart"
            f" {revision}', which forgets how far it has come. Batches that are done stay done, and"
            " would be done again.",
        )
        self.revision = revision


class CheckpointGoneError(DelembicError):
    """The checkpoint of a batch could not be written, so the batch was rolled back.

    Args:
        table: The name of the table.
    """

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The checkpoint could not be written to {table}: another run has taken it over, a"
            " temporary table of the same name hides it, or the database ignored the statement."
            " Look for other runs, and for a trigger on the table."
        )


class MigrationPausedError(DelembicError):
    """A migration has stopped between two batches, as somebody wanted. There is more to do.

    Args:
        revision: The migration's revision.
        progress: How far it has come: its ``rows``, and its ``fraction`` from 0 to 1 or ``None``.
        held: Whether it waits for ``delembic resume``.
    """

    exit_code = 3

    def __init__(self, revision: str, progress: _Progress, *, held: bool) -> None:
        rows, fraction = progress.rows, progress.fraction
        share = "" if fraction is None else f" ({int(fraction * 100)} %)"
        what_next = (
            f"It was paused by 'delembic pause'. To go on: delembic resume {revision}, and then"
            " delembic upgrade."
            if held
            else "Run the upgrade again to go on."
        )
        done = f"{rows:,} row{' is' if rows == 1 else 's are'} done{share}"
        super().__init__(f"{revision} is paused: {done}.", what_next)
        self.revision, self.progress, self.held = revision, progress, held


class TimeIsUpError(DelembicError):
    """The time of a run was up before all of its migrations had their turn.

    Args:
        left: The revisions that are left.
    """

    exit_code = 3

    def __init__(self, left: Sequence[str]) -> None:
        super().__init__(
            f"The time is up, with {len(left)} of the migrations left; the next one is {left[0]}.",
            "Run the upgrade again to go on.",
        )
        self.left = tuple(left)


class UnreadableSignalError(DelembicError):
    """What a throttle needs to know cannot be read, so nobody can say that all is well.

    Args:
        problem: Why not.
        remedy: What to do.
    """

    def __init__(
        self, problem: str, remedy: str = "Remove it from the migration's throttle."
    ) -> None:
        super().__init__(f"The signal cannot be read: {problem}.", remedy)


class NotBatchedError(DelembicError):
    """A command about a migration in batches was given one that has not begun, or is none.

    Args:
        revision: The revision.
        problem: Why the command does not fit.
        remedy: What to do.
    """

    exit_code = 2

    def __init__(self, revision: str, problem: str, remedy: str) -> None:
        super().__init__(f"{revision} {problem}.", remedy)
        self.revision = revision
