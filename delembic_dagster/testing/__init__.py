"""Tests of a project in Dagster, on an instance that is discarded afterwards.

Example:
    >>> from delembic_dagster import DelembicProject
    >>> from delembic_dagster.testing import dagster_tester
    >>> with dagster_tester(DelembicProject("example_project")) as tester:
    ...     tester.migrations.upgrade_before("D001")
    ...     run = tester.run("D001")
    >>> run.success, run.materialized()["D001"]["rows_affected"], run.checks()
    (True, 14, [('D001', True)])
"""

from delembic_dagster.testing.job_run import FailedStep, JobRun, run_job
from delembic_dagster.testing.tester import DagsterTester, dagster_tester

__all__ = ["DagsterTester", "FailedStep", "JobRun", "dagster_tester", "run_job"]
