"""An applied migration whose file was changed since shows as out of date, and as changed."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import DagsterInstance, Definitions
from dagster_graphql.test.utils import define_out_of_process_context, execute_dagster_graphql

from delembic_dagster import build_delembic_run_history_sensor

from .conftest import Location
from .ticking import tick

DEFINITIONS = """
from pathlib import Path
from delembic_dagster import DelembicProject, build_delembic_defs
defs = build_delembic_defs(DelembicProject(Path(__file__).parent))
"""
