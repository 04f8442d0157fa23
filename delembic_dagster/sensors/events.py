"""Asset events for what was done outside of this Dagster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dagster import AssetCheckEvaluation, AssetKey, AssetMaterialization, AssetObservation

from delembic import LogEntry, Operation, Revision, Status
from delembic_dagster.metadata import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    acceptance_metadata,
    applied_code_version,
    attempt_metadata,
    change_metadata,
    check_metadata,
)
from delembic_dagster.translation.translated import Translated

OutsideEvent = AssetMaterialization | AssetObservation | AssetCheckEvaluation

_INPUT_VERSION_TAG = "dagster/input_data_version"
_INPUT_POINTER_TAG = "dagster/input_event_pointer"

_ENDS: dict[str, str] = {
    Status.FAILED: "failed and was rolled back",
    Status.INTERRUPTED: "was interrupted",
    Status.PAUSED: "has stopped before its end, and is paused",
    Status.BLOCKED: "could not begin",
}


def outside_events(
    item: Translated, attempt: LogEntry, file: Revision | None, inputs: Mapping[AssetKey, str]
) -> Iterator[OutsideEvent]:
    """Return the events for an attempt: a materialization if it succeeded, else an observation.

    Dagster cannot record a failure that did not happen in one of its own runs. If a file was
    accepted, there is a materialization too, since nothing else can tell Dagster the new version.

    Args:
        item: The migration, as loaded with the definitions.
        attempt: The attempt, or the acceptance of a file.
        file: The migration as its file is now, which may be newer; ``None`` if the file is gone.
        inputs: The data versions of the assets that its asset depends on.
    """
    if attempt.operation == Operation.ACCEPT:
        told = f"Its file was accepted as it was by {attempt.who}; nothing was run."
        metadata = acceptance_metadata(attempt) | change_metadata(attempt.checksum, file)
        yield _materialization(item, attempt, inputs, told, metadata)
    elif attempt.status == Status.SUCCESS:
        metadata = attempt_metadata(attempt) | change_metadata(attempt.checksum, file)
        yield _materialization(item, attempt, inputs, f"Applied by {attempt.who}.", metadata)
        yield from _evaluation(item, attempt, file)
    else:
        end = _ENDS.get(attempt.status, attempt.status)
        yield AssetObservation(
            asset_key=item.spec.key,
            description=f"Attempt {attempt.attempt or attempt.id} by {attempt.who} {end}.",
            metadata=attempt_metadata(attempt),
        )


def _materialization(
    item: Translated,
    entry: LogEntry,
    inputs: Mapping[AssetKey, str],
    description: str,
    metadata: Mapping[str, Any],
) -> AssetMaterialization:
    return AssetMaterialization(
        asset_key=item.spec.key,
        description=description,
        metadata=metadata,
        tags=_versions(item, entry.checksum, inputs) if entry.checksum else None,
    )


def _versions(item: Translated, checksum: str, inputs: Mapping[AssetKey, str]) -> dict[str, str]:
    """Return the tags in which Dagster's own runs record the versions of code and input data.

    From them, Dagster determines that a file has changed since, and that nothing else is out of
    date.
    """
    checksum = item.revision.canonical(checksum)
    version = applied_code_version(item.spec.code_version, item.revision.checksum, checksum)
    tags = {DATA_VERSION_TAG: checksum, CODE_VERSION_TAG: version or checksum}
    for key, version in inputs.items():
        tags[f"{_INPUT_VERSION_TAG}/{key.to_user_string()}"] = version
        tags[f"{_INPUT_POINTER_TAG}/{key.to_user_string()}"] = "NULL"
    return tags


def _evaluation(
    item: Translated, attempt: LogEntry, file: Revision | None
) -> Iterator[AssetCheckEvaluation]:
    # If the file has changed since, it is not known what its `validate` was.
    ran = attempt.checksum or ""
    files = (each for each in (file, item.revision) if each)
    if item.check and any(each.validates for each in files if each.is_of(ran)):
        yield AssetCheckEvaluation(
            asset_key=item.check.asset_key,
            check_name=item.check.name,
            passed=True,
            description="Validated in the transaction that applied it.",
            metadata=check_metadata(attempt_metadata(attempt)),
            blocking=item.check.blocking,
        )
