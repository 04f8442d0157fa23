"""A sensor that reports to Dagster what was run outside of it."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from dagster import (
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from delembic_dagster.jobs import DEFAULT_NAME
from delembic_dagster.project import DelembicProject
from delembic_dagster.sensors.follower import Follower
from delembic_dagster.translation.migrations import Migrations
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.translator import DagsterDelembicTranslator

_BATCH_SIZE = 100
_INTERVAL_SECONDS = 30


def build_delembic_run_history_sensor(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    name: str = f"{DEFAULT_NAME}_run_history_sensor",
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    batch_size: int = _BATCH_SIZE,
    minimum_interval_seconds: int = _INTERVAL_SECONDS,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
) -> SensorDefinition:
    """Return a sensor that reports runs from elsewhere: the command line, Python, another Dagster.

    It follows the audit log. A success becomes a materialization, with a passed ``validate`` if the
    migration has one. A failed, interrupted, paused or blocked attempt becomes an observation,
    because Dagster cannot record failures outside of its own runs. Each attempt is reported once,
    even if the sensor's cursor is lost: the sensor first checks whether Dagster already has the
    event.

    The assets of Alembic's revisions are materialized too, once Alembic has applied them, with its
    message.

    The first tick does not report the whole history. Of the attempts before the newest hundred, it
    reports the last success and the last attempt of each migration.

    Args:
        project: The project.
        name: The sensor's name.
        translator: The translator that the assets were built with.
        select: The migrations that have assets; attempts at others are left out.
        batch_size: The most attempts that one tick reads.
        minimum_interval_seconds: The least time between two ticks.
        default_status: Whether the sensor is running or stopped before anyone changes it.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> build_delembic_run_history_sensor(DelembicProject("example_project")).name
        'delembic_upgrade_run_history_sensor'
    """
    return run_history_sensor(
        Migrations.of(project, translator, select),
        name=name,
        batch_size=batch_size,
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
    )


def run_history_sensor(
    migrations: Migrations,
    *,
    name: str,
    default_status: DefaultSensorStatus,
    batch_size: int = _BATCH_SIZE,
    minimum_interval_seconds: int = _INTERVAL_SECONDS,
) -> SensorDefinition:
    """Return the sensor of `build_delembic_run_history_sensor` for some migrations.

    Args:
        migrations: The migrations.
        name: The sensor's name.
        default_status: Whether the sensor is running or stopped before anyone changes it.
        batch_size: The most attempts that one tick reads.
        minimum_interval_seconds: The least time between two ticks.
    """
    follower = Follower(name, migrations, batch_size)

    @sensor(
        name=name,
        minimum_interval_seconds=minimum_interval_seconds,
        description="Reports data migrations that were run elsewhere, as on the command line.",
        default_status=default_status,
    )
    def run_history(context: SensorEvaluationContext) -> SensorResult:
        return follower.tick(context)

    return run_history
