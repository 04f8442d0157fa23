"""Errors of delembic as failures of a Dagster step, retried only if that can help."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from dagster import Failure, MetadataValue

from delembic import (
    ConfigurationError,
    DefinitionError,
    DelembicError,
    MigrationBlockedError,
    MigrationFailedError,
    Phase,
    Progress,
    Revision,
    SchemaNotReadyError,
    Status,
)
from delembic.errors import (
    DatabaseUnavailableError,
    MigrationPausedError,
    OtherBatchesError,
    UnfitBatchesError,
)
from delembic.events import Failed, Paused
from delembic.redaction import redact
from delembic_dagster.errors import RunInterruptedError
from delembic_dagster.metadata import (
    HISTORY_ID,
    LONGEST_TEXT,
    REVISION,
    STATUS,
    bounded,
    in_milliseconds,
    progress_metadata,
)

TRACEBACK = "delembic/traceback"

_HOPELESS = (
    ConfigurationError,
    DefinitionError,
    MigrationBlockedError,
    MigrationPausedError,
    OtherBatchesError,
    RunInterruptedError,
    SchemaNotReadyError,
    UnfitBatchesError,
)
"""Errors that a retry cannot help, or that ask for no retry."""


_OF_ONE = (
    DefinitionError,
    MigrationBlockedError,
    MigrationFailedError,
    MigrationPausedError,
    OtherBatchesError,
    SchemaNotReadyError,
    UnfitBatchesError,
)
"""Errors that concern one migration, while others may still run."""


class MigrationFailure(Failure):
    """A migration did not take effect.

    Attributes:
        revision: The migration.
        is_its_own: Whether only this migration is affected; if the database is gone, all are.
        has_stopped: Whether its time was up, so that a retry would do what nobody wants.
    """

    def __init__(
        self, revision: str, *, is_its_own: bool, has_stopped: bool = False, **facts: Any
    ) -> None:
        super().__init__(**facts)
        self.revision, self.is_its_own, self.has_stopped = revision, is_its_own, has_stopped


def step_failure(
    error: DelembicError,
    revision: Revision,
    ended: Failed | Paused | None,
    progress: Progress | None = None,
) -> MigrationFailure:
    """Return the failure that ends a step.

    Args:
        error: What the core raised.
        revision: The migration.
        ended: The event of its failure or of its stop, if there was one.
        progress: How far it has come, if it works in batches.
    """
    remedy = f"{_remedy(error)} {_how_to_reload(error, revision)}".strip()
    by_user = _raised_by_user(error)
    return MigrationFailure(
        revision.id,
        is_its_own=_is_of_one(error),
        has_stopped=isinstance(error, MigrationPausedError) and not error.held,
        description="\n".join(filter(None, (bounded(error.message), bounded(remedy)))),
        metadata={
            **(by_user.metadata if by_user else {}),
            REVISION: revision.id,
            **_facts(error),
            **_attempt_facts(ended),
            **(progress_metadata(progress) if progress else {}),
        },
        allow_retries=_retry_helps(error) and (by_user is None or by_user.allow_retries),
    )


def failure_of_several(
    failures: Sequence[MigrationFailure], not_run: Mapping[str, Sequence[str]]
) -> Failure:
    """Return the failure that ends a step with several migrations.

    Args:
        failures: The failures of migrations that did not take effect, at least one.
        not_run: The migrations that were not run, each with those that it waits for.
    """
    first = failures[0]
    if len(failures) == 1 and not not_run:
        return first
    texts = [failure.description or failure.revision for failure in failures]
    if not_run:
        waiting = (f"{id_} (waits for {', '.join(names)})" for id_, names in not_run.items())
        texts.append(f"Not run: {', '.join(waiting)}.")
    return Failure(
        description=bounded("\n\n".join(texts)),
        metadata={
            **first.metadata,
            "delembic/failed": [failure.revision for failure in failures],
            "delembic/not_run": list(not_run),
        },
        # A retry runs all of them again.
        allow_retries=any(failure.allow_retries for failure in failures)
        and not any(failure.has_stopped for failure in failures),
    )


def verification_failure(error: DelembicError, revisions: Iterable[Revision]) -> Failure:
    """Return the failure that ends a step that could not verify the data.

    Args:
        error: What the core raised.
        revisions: The migrations that were to be verified.
    """
    hints = (_how_to_reload(error, revision) for revision in revisions)
    remedy = f"{error.remedy} {next(filter(None, hints), '')}".strip()
    return Failure(
        description="\n".join(filter(None, (bounded(error.message), bounded(remedy)))),
        metadata={STATUS: "not_verified"},
        allow_retries=_retry_helps(error),
    )


def drift_failure(revisions: Sequence[str]) -> Failure:
    """Return the failure that ends a step whose checks did not all pass.

    Args:
        revisions: The migrations whose data has drifted.
    """
    return Failure(
        description=f"The data no longer passes validate(): {', '.join(revisions)}.\n"
        "The migrations stay applied. Correct the data by a new migration.",
        metadata={STATUS: "drifted", "delembic/drifted": list(revisions)},
        allow_retries=False,
    )


def _is_of_one(error: DelembicError) -> bool:
    # If a migration could not begin, others would meet the same problem with the database.
    could_begin = not isinstance(error, MigrationFailedError) or error.phase != Phase.BEGIN
    return isinstance(error, _OF_ONE) and could_begin


def _raised_by_user(error: DelembicError) -> Failure | None:
    """Return the failure that the migration itself raised, if it uses Dagster."""
    return error.__cause__ if isinstance(error.__cause__, Failure) else None


def _retry_helps(error: DelembicError) -> bool:
    # A server that does not answer now may answer soon, whatever else the error is.
    return isinstance(error, DatabaseUnavailableError) or not isinstance(error, _HOPELESS)


def _remedy(error: DelembicError) -> str:
    """Return the remedy, worded for users of Dagster."""
    match error:
        case MigrationBlockedError():
            # This holds for assets, for plain ops, and for jobs that leave some of them out.
            return f"Run {', '.join(error.waits_for)} first, in the same run or in another."
        case MigrationPausedError(held=True):
            return (
                "Somebody has paused it. To go on, run 'delembic resume"
                f" {error.revision}', and start another run."
            )
        case MigrationPausedError():
            return "Its time was up. The next run goes on from there, whatever starts it."
        case MigrationFailedError():
            return f"{error.remedy} See the whole error: delembic show {error.revision}"
        case _:
            return error.remedy


def _facts(error: DelembicError) -> dict[str, Any]:
    facts: dict[str, Any]
    match error:
        case MigrationFailedError():
            facts = {
                STATUS: str(Status.FAILED),
                HISTORY_ID: error.history_id,
                "delembic/error": bounded(error.reason),
                "delembic/phase": str(error.phase),
                TRACEBACK: _where(error.__cause__),
            }
        case MigrationBlockedError():
            facts = {
                STATUS: str(Status.BLOCKED),
                HISTORY_ID: error.history_id,
                "delembic/waits_for": ", ".join(error.waits_for),
            }
        case MigrationPausedError():
            facts = {STATUS: str(Status.PAUSED), "delembic/held": error.held}
        case _:
            facts = {
                STATUS: "not_run",
                "delembic/error": bounded(error.message),
                TRACEBACK: _where(error.__cause__) if _is_in_a_file(error) else None,
            }
    return {name: value for name, value in facts.items() if value is not None}


def _is_in_a_file(error: DelembicError) -> bool:
    """Return whether the cause lies in a user's file, such as one that cannot be imported."""
    of_a_file = isinstance(error, ConfigurationError | DefinitionError)
    return of_a_file and not isinstance(error, DatabaseUnavailableError)


def _where(cause: BaseException | None) -> MetadataValue[str] | None:
    """Return the traceback of an error; of a very long one, the end, which matters most."""
    if cause is None:
        return None
    # Code may contain a password. Redact before cutting: half a URL is not recognized as one.
    lines = redact("".join(traceback.format_tb(cause.__traceback__)))[-LONGEST_TEXT:]
    return MetadataValue.md(f"```\n{lines}\n```")


def _attempt_facts(ended: Failed | Paused | None) -> dict[str, Any]:
    match ended:
        case Failed():
            return {
                "delembic/attempt": ended.attempt,
                "delembic/duration_seconds": in_milliseconds(ended.duration_seconds),
                "delembic/rolled_back": ended.rolled_back,
            }
        case Paused():
            return {HISTORY_ID: ended.history_id}
        case None:
            return {}
        case _:
            assert_never(ended)


def _how_to_reload(error: DelembicError, revision: Revision) -> str:
    """Return what to do if the definitions are older than the file; empty if they are not."""
    if not isinstance(error, DefinitionError):
        return ""
    if not revision.path.is_file():
        return "If it was moved or removed on purpose, reload the code location."
    if revision.checksum_now() == revision.checksum:
        return ""
    return (
        "In Dagster, reload the code location, and restart workers that outlive a run, such as"
        " Celery's."
    )
