"""The example in Dagster: one asset for each migration, and the job `delembic_upgrade`."""

from pathlib import Path

from delembic_dagster import DelembicProject, build_delembic_defs

# Named after their files, the assets can be read and searched for words.
defs = build_delembic_defs(DelembicProject(Path(__file__).parent), names="file")
