"""A sensor that shows in Dagster what the command line did outside of it."""

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
    """Return a sensor that shows what others did: the command line, Python, another Dagster.

    It follows the audit log. A success becomes a materialisation, with a passed ``validate`` if
    the migration has one, and a failed, interrupted or blocked attempt an observation; Dagster
    cannot be told of failures outside its runs. Each is shown once, whatever becomes of the
    sensor's cursor: before it shows anything, it looks whether Dagster has it.

    The first tick does not tell the whole history: of what is older than the newest hundred
    attempts it shows the last success and the last attempt of each migration.

    Args:
        project: Whose migrations.
        name: The sensor's name.
        translator: The one that the assets were built with.
        select: Which migrations have assets here; attempts at others are left out.
        batch_size: How many attempts a tick reads at most.
        minimum_interval_seconds: How much time there is between two ticks, at least.
        default_status: Whether it runs before somebody has switched it on.

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
        migrations: Which.
        name: The sensor's name.
        default_status: Whether it runs before somebody has switched it on.
        batch_size: How many attempts a tick reads at most.
        minimum_interval_seconds: How much time there is between two ticks, at least.
    """
    follower = Follower(name, migrations, batch_size)

    @sensor(
        name=name,
        minimum_interval_seconds=minimum_interval_seconds,
        description="Shows what the command line did: data migrations that were run elsewhere.",
        default_status=default_status,
    )
    def run_history(context: SensorEvaluationContext) -> SensorResult:
        return follower.tick(context)

    return run_history
