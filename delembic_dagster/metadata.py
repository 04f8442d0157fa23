"""The metadata under ``delembic/``: their keys and values.

The metadata of a failed migration are made in `delembic_dagster.steps.failures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from dagster import CodeReferencesMetadataValue, LocalFileCodeReference, MetadataValue

from delembic import LogEntry, Revision, Standing, State, Status, Verification
from delembic.events import Finished, Outcome, Progress, Skipped
from delembic_dagster.errors import quiet_about_betas
from delembic_dagster.naming import is_owner, tag_name, tag_value

REVISION = "delembic/revision"
SCHEMA_REVISION = "delembic/schema_revision"
SCHEMA_MESSAGE = "delembic/schema_message"
STATUS = "delembic/status"
HISTORY_ID = "delembic/history_id"
RUN_ID = "delembic/run_id"
CHANGED = "delembic/changed"
DURATION = "delembic/duration_seconds"
ROWS = "delembic/rows_affected"
ROWS_DONE = "delembic/rows_done"
ROWS_PER_SECOND = "delembic/rows_per_second"
PERCENT_DONE = "delembic/percent_done"
STOP_AFTER = "delembic/stop_after_seconds"
APPLIED = str(State.APPLIED)
ALREADY_APPLIED = "already_applied"
EXECUTOR = "dagster"
"""The executor of Dagster's runs in the audit log."""

DATA_VERSION_TAG = "dagster/data_version"
CODE_VERSION_TAG = "dagster/code_version"
"""Tags for what was applied, from which Dagster determines what is out of date."""

INITIAL_VERSION = "INITIAL"
"""Dagster's data version of an asset that has reported none."""

_PREFIX = "delembic/"
_OF_ALL_WORK = (DURATION, ROWS, ROWS_DONE, ROWS_PER_SECOND, PERCENT_DONE)

LONGEST_TEXT = 4_000
"""The most characters of an error that go into Dagster's event log."""


def definition_metadata(revision: Revision, schema_revisions: tuple[str, ...]) -> dict[str, Any]:
    """Return the metadata of an asset before any run.

    Args:
        revision: The migration.
        schema_revisions: The names in its ``depends_on`` that are not migrations.
    """
    metadata: dict[str, Any] = {REVISION: revision.id, **_code_references(revision)}
    if schema_revisions:
        metadata["delembic/schema_revisions"] = list(schema_revisions)
    return metadata | _unaltered(revision)


def outcome_metadata(outcome: Outcome, revision: Revision) -> dict[str, Any]:
    """Return the metadata of a materialization: those of the attempt, or of an earlier success.

    Args:
        outcome: How the attempt ended. If the migration was already applied, the facts of the
            attempt that applied it stay on its page and in its plots.
        revision: The migration.
    """
    if isinstance(outcome, Skipped):
        return _skipped(outcome) | change_metadata(outcome.checksum, revision.as_now())
    return _finished(outcome)


def progress_metadata(progress: Progress) -> dict[str, Any]:
    """Return the metadata that tell how far a migration in batches has come.

    Example:
        >>> progress_metadata(Progress("D012", rows=430, total=1_000, rows_per_second=19.04))
        {'delembic/rows_done': 430, 'delembic/rows_per_second': 19.0, 'delembic/percent_done': 43.0}
    """
    fraction, rate = progress.fraction, progress.rows_per_second
    metadata = {
        ROWS_DONE: progress.rows,
        ROWS_PER_SECOND: None if rate is None else round(rate, 1),
        PERCENT_DONE: None if fraction is None else round(fraction * 100, 1),
        "delembic/rows_skipped": progress.skipped or None,
    }
    return {name: value for name, value in metadata.items() if value is not None}


def whole_metadata(progress: Progress | None) -> dict[str, Any]:
    """Return the same for a migration that is applied; none if it has no batches."""
    return {**progress_metadata(progress), PERCENT_DONE: 100.0} if progress else {}


def check_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return those metadata of an attempt that apply to its ``validate`` too.

    The duration, the number of changed rows and what the migration told describe the whole attempt.
    On a check, and in its plots, they would be mistaken for those of the check.

    Example:
        >>> check_metadata({"delembic/attempt": 1, "delembic/duration_seconds": 3600.0})
        {'delembic/attempt': 1}
    """
    return {
        name: value
        for name, value in metadata.items()
        if name.startswith(_PREFIX) and name not in _OF_ALL_WORK
    }


def standing_metadata(standing: Standing) -> dict[str, Any]:
    """Return the metadata of an applied migration that was not run this time."""
    at = standing.applied_at
    metadata = {
        REVISION: standing.revision,
        STATUS: ALREADY_APPLIED,
        "delembic/applied_at": at and MetadataValue.timestamp(at),
        CHANGED: standing.changed or None,
    }
    return {name: value for name, value in metadata.items() if value is not None}


def verification_metadata(found: Verification) -> dict[str, Any]:
    """Return the metadata of an evaluation that reports a verification."""
    metadata = {
        REVISION: found.revision,
        "delembic/verified_at": MetadataValue.timestamp(found.verified_at),
        DURATION: in_milliseconds(found.duration_seconds),
        "delembic/executor": EXECUTOR,
        "delembic/history_id": found.history_id,
        CHANGED: found.changed,
        "delembic/rolled_back": found.rolled_back,
    }
    # If delembic 1.x applied the migration, it is not known whether its file has changed.
    return {name: value for name, value in metadata.items() if value is not None}


def change_metadata(applied: str | None, now: Revision | None) -> dict[str, Any]:
    """Return the metadata of a file that has changed since it was applied; none if it has not.

    Args:
        applied: The checksum that was recorded when it was applied.
        now: The migration as its file is now.
    """
    if applied is None or now is None or now.is_of(applied):
        return {}
    return {
        CHANGED: True,
        "delembic/applied_checksum": applied,
        "delembic/file_checksum": now.checksum,
    }


def attempt_metadata(attempt: LogEntry) -> dict[str, Any]:
    """Return the metadata of an event for an attempt that was read from the audit log."""
    ended_at = attempt.ended_at or attempt.started_at
    applied = attempt.status == Status.SUCCESS
    metadata = {
        REVISION: attempt.revision,
        STATUS: APPLIED if applied else attempt.status,
        "delembic/applied_at": MetadataValue.timestamp(ended_at) if applied else None,
        "delembic/started_at": MetadataValue.timestamp(attempt.started_at),
        "delembic/ended_at": attempt.ended_at and MetadataValue.timestamp(attempt.ended_at),
        "delembic/attempt": attempt.attempt,
        DURATION: in_milliseconds(attempt.duration_seconds),
        ROWS: attempt.rows_affected,
        "delembic/run_by": attempt.who,
        "delembic/executor": attempt.executor,
        "delembic/executor_run_id": attempt.executor_run_id,
        HISTORY_ID: attempt.id,
        RUN_ID: attempt.run_id,
        "delembic/recovered": attempt.recovered or None,
        "delembic/error": bounded(attempt.reason) or None,
    }
    known = {name: value for name, value in metadata.items() if value is not None}
    return {**(attempt.metadata or {}), **known}


def acceptance_metadata(entry: LogEntry) -> dict[str, Any]:
    """Return the metadata of an event for a file that was taken for the one that was applied."""
    metadata = {
        REVISION: entry.revision,
        STATUS: ALREADY_APPLIED,
        "delembic/accepted_at": MetadataValue.timestamp(entry.started_at),
        "delembic/accepted_by": entry.who,
        HISTORY_ID: entry.id,
        RUN_ID: entry.run_id,
    }
    return {name: value for name, value in metadata.items() if value is not None}


def applied_code_version(defined: str | None, now: str, applied: str) -> str | None:
    """Return the code version that was applied; if the file has changed, the asset is out of date.

    Args:
        defined: The code version of the asset, if it has one.
        now: The SHA-256 of the file, which is the code version unless a translator sets another.
        applied: The SHA-256 of the file that was applied. If a translator sets code versions, the
            one that was applied is not known.
    """
    return applied if defined == now else defined


@overload
def in_milliseconds(seconds: float) -> float: ...
@overload
def in_milliseconds(seconds: float | None) -> float | None: ...
def in_milliseconds(seconds: float | None) -> float | None:
    """Return seconds, rounded to milliseconds.

    Example:
        >>> in_milliseconds(0.5626155240001935)
        0.563
    """
    return None if seconds is None else round(seconds, 3)


def bounded(text: str) -> str:
    """Return a text, cut if it is too long for an event log.

    Example:
        >>> bounded("short")
        'short'
    """
    if len(text) <= LONGEST_TEXT:
        return text
    end = " … (the full text is in the audit log)"
    return text[: LONGEST_TEXT - len(end)] + end


def _code_references(revision: Revision) -> dict[str, Any]:
    with quiet_about_betas():
        place = LocalFileCodeReference(
            file_path=str(revision.path), line_number=revision.line, label=revision.class_name
        )
        return {"dagster/code_references": CodeReferencesMetadataValue(code_references=[place])}


def _unaltered(revision: Revision) -> dict[str, Any]:
    """Return the tags and owners that Dagster does not accept unchanged."""
    metadata: dict[str, Any] = {}
    if any((tag_name(k), tag_value(v)) != (k, v) for k, v in revision.tags.items()):
        metadata["delembic/tags"] = dict(revision.tags)
    if not all(map(is_owner, revision.owners)):
        metadata["delembic/owners"] = list(revision.owners)
    return metadata


def _finished(outcome: Finished) -> dict[str, Any]:
    metadata = {
        REVISION: outcome.revision,
        STATUS: APPLIED,
        "delembic/applied_at": MetadataValue.timestamp(outcome.applied_at),
        "delembic/attempt": outcome.attempt,
        DURATION: in_milliseconds(outcome.duration_seconds),
        "delembic/executor": EXECUTOR,
        HISTORY_ID: outcome.history_id,
        ROWS: outcome.rows_affected,
    }
    # The number of rows is not always known.
    known = {name: value for name, value in metadata.items() if value is not None}
    return {**outcome.metadata, **known}


def _skipped(outcome: Skipped) -> dict[str, Any]:
    applied_at = outcome.applied_at and MetadataValue.timestamp(outcome.applied_at)
    metadata = {
        REVISION: outcome.revision,
        STATUS: ALREADY_APPLIED,
        "delembic/applied_at": applied_at,
        "delembic/applied_by": outcome.applied_by,
        "delembic/attempt": outcome.attempt,
        DURATION: in_milliseconds(outcome.duration_seconds),
        ROWS: outcome.rows_affected,
        HISTORY_ID: outcome.history_id,
    }
    # A mark of delembic 1.x may record neither when the migration was applied nor by whom.
    return {name: value for name, value in metadata.items() if value is not None}
