"""Run one project with the multiprocess executor, and print the CPU seconds that it took.

``DELEMBIC_PROJECT`` names the project, and ``DELEMBIC_MODE`` the mode, because the processes of the
steps build the definitions again and share only the environment.
"""

from __future__ import annotations

import os
from typing import cast

import dagster as dg

from delembic_dagster import DelembicProject, build_delembic_defs
from delembic_dagster.assets import Mode


def make_job() -> dg.JobDefinition:
    """Return the job, which each process builds for itself."""
    definitions = build_delembic_defs(
        DelembicProject(os.environ["DELEMBIC_PROJECT"]),
        mode=cast(Mode, os.environ["DELEMBIC_MODE"]),
        executor_def=dg.multiprocess_executor,
    )
    return definitions.resolve_job_def("delembic_upgrade")


def main() -> None:
    """Run the job, and print the CPU seconds of this process and its children."""
    with dg.instance_for_test() as instance:
        before = _spent_seconds()
        with dg.execute_job(dg.reconstructable(make_job), instance=instance) as result:
            assert result.success
        print(_spent_seconds() - before)


def _spent_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
