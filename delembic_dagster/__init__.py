"""Data migrations as Dagster assets: one asset for each migration, which delembic itself runs.

Three lines define a whole code location:

Example:
    >>> from delembic_dagster import DelembicProject, build_delembic_defs
    >>> defs = build_delembic_defs(DelembicProject("example_project"))
    >>> defs.resolve_job_def("delembic_upgrade").name
    'delembic_upgrade'
"""

from importlib.metadata import version

from delembic.errors import DependencyNotInstalledError

try:
    from dagster_shared.libraries import DagsterLibraryRegistry
except ModuleNotFoundError as error:
    raise DependencyNotInstalledError("delembic_dagster", "dagster", "dagster") from error

from delembic_dagster.assets import build_delembic_assets
from delembic_dagster.automation import on_cron_after_migrations, pending_migration_condition
from delembic_dagster.checks import (
    build_delembic_validation_checks,
    build_delembic_validation_job,
    build_delembic_validation_schedule,
)
from delembic_dagster.component.component import DelembicProjectComponent
from delembic_dagster.decorator import delembic_assets
from delembic_dagster.definitions import build_delembic_defs
from delembic_dagster.jobs import build_delembic_job
from delembic_dagster.op_jobs import build_delembic_op_job
from delembic_dagster.project import DelembicProject
from delembic_dagster.resource import DelembicResource
from delembic_dagster.schedules import build_schedule_from_delembic_selection
from delembic_dagster.sensors.drift import Drift, build_delembic_drift_sensor
from delembic_dagster.sensors.pending import build_delembic_pending_sensor
from delembic_dagster.sensors.run_history import build_delembic_run_history_sensor
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.schema_assets import build_delembic_schema_asset_specs
from delembic_dagster.translation.specs import (
    build_delembic_asset_specs,
    get_asset_key_for_revision,
)
from delembic_dagster.translation.translator import (
    DagsterDelembicTranslator,
    DelembicSchemaRevisionData,
    DelembicTranslatorData,
)

__all__ = [
    "DagsterDelembicTranslator",
    "DelembicProject",
    "DelembicProjectComponent",
    "DelembicResource",
    "DelembicSchemaRevisionData",
    "DelembicTranslatorData",
    "Drift",
    "OpSettings",
    "build_delembic_asset_specs",
    "build_delembic_assets",
    "build_delembic_defs",
    "build_delembic_drift_sensor",
    "build_delembic_job",
    "build_delembic_op_job",
    "build_delembic_pending_sensor",
    "build_delembic_run_history_sensor",
    "build_delembic_schema_asset_specs",
    "build_delembic_validation_checks",
    "build_delembic_validation_job",
    "build_delembic_validation_schedule",
    "build_schedule_from_delembic_selection",
    "delembic_assets",
    "get_asset_key_for_revision",
    "on_cron_after_migrations",
    "pending_migration_condition",
]

DagsterLibraryRegistry.register("delembic-dagster", version("delembic"), is_dagster_package=False)
