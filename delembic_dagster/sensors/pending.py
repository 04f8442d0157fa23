"""A sensor that requests a run when there are migrations that are not applied."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from delembic import Revision, Standing, State
from delembic_dagster.errors import without_causes
from delembic_dagster.jobs import AssetJob, upgrade_job
from delembic_dagster.project import DelembicProject
from delembic_dagster.steps.pending import Pending, find_pending
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translator import DagsterDelembicTranslator

_INTERVAL_SECONDS = 60


def build_delembic_pending_sensor(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    job: AssetJob | None = None,
    name: str | None = None,
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    minimum_interval_seconds: int = _INTERVAL_SECONDS,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
) -> SensorDefinition:
    """Return a sensor that requests a run when a deployment brings new migrations.

    Each pending migration is requested once for every version of its file, together with everything
    else that is pending. A migration that failed is requested again when its file has changed. A
    migration that waits for a revision of Alembic is requested when that revision is applied.

    While the database does not answer, the ticks fail.

    Args:
        project: The project.
        job: The job to start, with these migrations among its assets. If ``None``, the sensor
            comes with the job that `build_delembic_job` returns for the project. Pass the job if
            the definitions contain it too, because Dagster requires unique names.
        name: The sensor's name; the job's name followed by ``_pending_sensor`` if ``None``.
        translator: The translator that the assets were built with.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        minimum_interval_seconds: The least time between two queries of the database.
        default_status: Whether the sensor is running or stopped before anyone changes it.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> build_delembic_pending_sensor(DelembicProject("example_project")).name
        'delembic_upgrade_pending_sensor'
    """
    migrations = Migrations.of(project, translator, select)
    return pending_sensor(
        migrations,
        job or upgrade_job(migrations),
        name=name,
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
    )


def pending_sensor(
    migrations: Migrations,
    job: AssetJob,
    *,
    default_status: DefaultSensorStatus,
    name: str | None = None,
    minimum_interval_seconds: int = _INTERVAL_SECONDS,
) -> SensorDefinition:
    """Return the sensor of `build_delembic_pending_sensor` for some migrations.

    Args:
        migrations: The migrations.
        job: The job to start.
        default_status: Whether the sensor is running or stopped before anyone changes it.
        name: The sensor's name; the job's name followed by ``_pending_sensor`` if ``None``.
        minimum_interval_seconds: The least time between two ticks.
    """
    look = _Look(migrations)

    @sensor(
        name=name or f"{job.name}_pending_sensor",
        job=job,
        minimum_interval_seconds=minimum_interval_seconds,
        description="Requests a run when there are data migrations that are not applied yet.",
        default_status=default_status,
    )
    def pending(context: SensorEvaluationContext) -> SensorResult:
        return look.tick(context)

    return pending


@dataclass(frozen=True, slots=True)
class _Look:
    """The migrations that the sensor checks, and how it evaluates a tick."""

    migrations: Migrations

    def tick(self, context: SensorEvaluationContext) -> SensorResult:
        with without_causes():
            pending = find_pending(self.migrations)
        ready = _ready(pending.standings)
        versions = self._versions(ready)
        # Migrations that are applied by now are removed, so the cursor does not grow.
        asked = _asked(context.cursor) & {*self._versions(self.migrations)}
        new = [version for version in versions if version not in asked]
        if pending.reload:
            context.log.warning(pending.reload)
        if not new:
            return SensorResult(skip_reason=_why_not(pending, ready))
        return SensorResult(
            run_requests=[
                RunRequest(_run_key(versions), asset_selection=self.migrations.keys_of(ready))
            ],
            cursor=json.dumps(sorted(asked & set(versions) | set(new))),
        )

    def _versions(self, revisions: Iterable[str]) -> list[str]:
        return [_version(self.migrations[revision].revision) for revision in revisions]


def _ready(standings: Sequence[Standing]) -> list[str]:
    """Return the revisions that can be run now or after one another, unlike any behind Alembic."""
    ready: dict[str, None] = {}
    for standing in standings:
        awaited = standing.waits_for if standing.state == State.BLOCKED else ()
        if all(name in ready for name in awaited):
            ready[standing.revision] = None
    return list(ready)


def _why_not(pending: Pending, ready: Sequence[str]) -> SkipReason:
    if not pending.standings:
        reason = "Nothing is pending: all of these migrations are applied."
    elif ready:
        reason = (
            f"Already requested: {', '.join(ready)}. A migration that failed is requested again"
            " when its file has changed."
        )
    else:
        waiting = [f"{s.revision} waits for {', '.join(s.waits_for)}" for s in pending.standings]
        reason = f"Nothing can be run: {'; '.join(waiting)}."
    return SkipReason(f"{reason} {pending.reload or ''}".strip())


def _version(revision: Revision) -> str:
    """Return a name for this version of a migration; it changes with the file."""
    return f"{revision.id} {revision.checksum_now()}"


def _run_key(versions: Sequence[str]) -> str:
    return f"delembic-{hashlib.sha256(chr(10).join(versions).encode()).hexdigest()}"


def _asked(cursor: str | None) -> set[str]:
    """Return the versions that were requested; none if the cursor cannot be read."""
    try:
        values = json.loads(cursor or "[]")
    except ValueError:
        return set()
    return (
        {value for value in values if isinstance(value, str)} if isinstance(values, list) else set()
    )
