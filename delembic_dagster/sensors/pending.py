"""A sensor that requests a run when there are migrations that are not applied."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

import time
from collections.abc import Iterable
from dataclasses import dataclass

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from delembic import Revision
from delembic_dagster.demand.demand import find_demand
from delembic_dagster.demand.requests import Requests
from delembic_dagster.errors import without_causes
from delembic_dagster.jobs import AssetJob, upgrade_job
from delembic_dagster.project import DelembicProject
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

    Each tick asks the database what is pending, and requests all of it in one run. It leaves out
    what a living runner holds, what failed in this version of its file, what is paused by somebody
    or by its ``stop_after``, what waits for a revision of Alembic, and what depends on any of
    these. While a run of this Dagster with some of the migrations has not ended, it requests
    nothing. What was interrupted, or is still pending when its run has ended, is requested again:
    three times at once, and then with growing pauses of up to an hour. A tick that requests nothing
    says where each migration stands.

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
            demand = find_demand(self.migrations, context)
        if demand.reload:
            context.log.warning(demand.reload)
        now = time.time()
        unapplied = self._versions(outlook.revision for outlook in demand.outlooks)
        requests = Requests.from_cursor(context.cursor).keeping(unapplied)
        ready = self._versions(demand.ready)
        if not ready:
            return SensorResult(skip_reason=demand.text, cursor=requests.as_cursor())
        if not requests.are_due(ready, now):
            reason = f"{demand.text} The next request is made at {requests.next_time(ready)}."
            return SensorResult(skip_reason=reason, cursor=requests.as_cursor())
        context.log.info(demand.text)
        # Without a run key: Dagster would skip the same request for ever. An unfinished run is
        # found among the runs themselves.
        return SensorResult(
            run_requests=[RunRequest(asset_selection=self.migrations.keys_of(demand.ready))],
            cursor=requests.noting(ready, now).as_cursor(),
        )

    def _versions(self, revisions: Iterable[str]) -> list[str]:
        return [_version(self.migrations[revision].revision) for revision in revisions]


def _version(revision: Revision) -> str:
    """Return a name for this version of a migration; it changes with the file."""
    return f"{revision.id} {revision.checksum_now()}"
