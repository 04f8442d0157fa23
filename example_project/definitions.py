"""The example in Dagster: one asset for each migration, and the job `delembic_upgrade`."""

from pathlib import Path

from delembic_dagster import DelembicProject, build_delembic_defs

defs = build_delembic_defs(DelembicProject(Path(__file__).parent))
