"""Alembic's autogenerate drops what the user has removed, and none of delembic's tables."""

from __future__ import annotations

import importlib.util
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext
from alembic.operations.ops import DropTableOp, UpgradeOps
from sqlalchemy import Column, Integer, MetaData, Table

from delembic import commands
from delembic.audit.tables import NAMES
from delembic.schema import include_object
from support.projects import ProjectFolder
from support.servers.backend import Backend

_needs_plugins = pytest.mark.skipif(
    importlib.util.find_spec("alembic.runtime.plugins") is None,
    reason="Alembic has plugins since 1.18",
)
WITHOUT_THE_PLUGIN = ["alembic.autogenerate.*", "~alembic.autogenerate.delembic"]
RECORD = {"delembic_version", "delembic_run_history"}


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    """One in whose database delembic keeps its record, beside a table that nobody wants."""
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.migration("D001")
    project.upgrade()
    project.execute("CREATE TABLE outdated (x INTEGER)")
    return project


@pytest.fixture
def leased(postgresql_url: str, tmp_path: Path) -> ProjectFolder:
    """One whose database has every kind of table that delembic keeps."""
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.configure(lock="lease", metadata_url=f"sqlite:///{tmp_path}/log.db")
    project.migration("D001")
    project.upgrade()
    return project


def _changes(project: ProjectFolder, metadata: MetaData, **options: Any) -> UpgradeOps:
    with project.connection() as conn:
        context = MigrationContext.configure(conn, opts={"target_metadata": metadata, **options})
        found = produce_migrations(context, metadata).upgrade_ops
    assert found
    return found


def _dropped(project: ProjectFolder, **options: Any) -> set[str]:
    changes = _changes(project, MetaData(), **options).ops
    return {op.table_name for op in changes if isinstance(op, DropTableOp)}


@_needs_plugins
def test_only_what_the_user_removed_is_dropped(project: ProjectFolder) -> None:
    assert _dropped(project) == {"outdated"}


@_needs_plugins
def test_nothing_is_done_about_their_indexes_either(project: ProjectFolder) -> None:
    outdated = MetaData()
    Table("outdated", outdated, Column("x", Integer))

    assert _changes(project, outdated).is_empty()


@_needs_plugins
def test_the_tables_of_leases_and_of_a_split_log_are_left_alone_too(leased: ProjectFolder) -> None:
    elsewhere = {"delembic_run_history"}
    of_batches = {"delembic_checkpoint", "delembic_skipped"}  # which this project has none of
    assert _dropped(leased, autogenerate_plugins=WITHOUT_THE_PLUGIN) == (
        NAMES - elsewhere - of_batches
    )
    assert _dropped(leased) == set()


def test_one_line_in_env_py_does_the_same_where_alembic_knows_no_plugins(
    project: ProjectFolder,
) -> None:
    assert _dropped(project, autogenerate_plugins=WITHOUT_THE_PLUGIN) == {"outdated", *RECORD}
    assert _dropped(
        project, autogenerate_plugins=WITHOUT_THE_PLUGIN, include_object=include_object
    ) == {"outdated"}


@_needs_plugins
def test_tables_with_other_names_are_known_by_their_columns(project: ProjectFolder) -> None:
    project.execute("ALTER TABLE delembic_version RENAME TO applied_here")

    assert _dropped(project) == {"outdated"}


@_needs_plugins
def test_in_other_schemas_they_are_left_alone_too(postgresql_url: str, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE SCHEMA other", "CREATE TABLE other.delembic_version (x INTEGER)")

    assert _dropped(project, include_schemas=True) == set()


@_needs_plugins
def test_who_reads_alembics_log_learns_why(
    project: ProjectFolder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "alembic"):
        _dropped(project)

    assert caplog.messages[-1] == (
        "Left alone, since delembic keeps its record in them:"
        " delembic_run_history, delembic_version"
    )


def test_the_list_of_names_has_every_table(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", "postgresql+psycopg://db/shop")
    project.configure(metadata_url="sqlite:///log.sqlite", lock="lease")

    made = re.findall(r"CREATE TABLE (\w+)", commands.tables_sql(project.config))

    assert set(made) == NAMES
