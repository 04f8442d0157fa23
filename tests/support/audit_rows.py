"""Audit logs written by hand, so that times, hosts and errors are always the same."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, MetaData, Table, insert

from delembic import LogEntry
from delembic.audit.marks import Mark
from delembic.audit.tables import ensure, history_table, version_table
from support.projects import ProjectFolder

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
COLUMNS_OF_1 = {version_table.name: 4, history_table.name: 9}
"""The number of columns in delembic 1.x; they come first."""

MISTAKE = """\
Traceback (most recent call last):
  File "/srv/shop/delembic/versions/D002.py", line 13, in validate
    raise ValueError(f"expected 1 changed term, found {changed}")
ValueError: expected 1 changed term, found 3
"""
DAGSTER_RUN = "8f3c2a10-5b7e-4c2d-9a41-0d6e2f7b9c55"

LOADED = LogEntry(
    1, "D001", "success", THEN,
    attempt_id="a-1",
    ended_at=THEN + timedelta(seconds=1.237),
    duration_seconds=1.237,
    username="ann",
    hostname="db1",
    attempt=1,
    description="load terms",
    checksum="1" * 64,
    rows_affected=13622,
    executor="cli",
    pid=4312,
    tool_version="2.0.0",
    recovered=False,
)  # fmt: skip
FAILED = LogEntry(
    2, "D002", "failed", THEN + timedelta(minutes=1),
    attempt_id="a-2",
    ended_at=THEN + timedelta(minutes=4, seconds=5.2),
    duration_seconds=185.2,
    exception=MISTAKE,
    username="ann",
    hostname="db1",
    attempt=1,
    description="correct cherry",
    checksum="2" * 64,
    executor="cli",
    pid=4313,
    tool_version="2.0.0",
    recovered=False,
)  # fmt: skip
CORRECTED = LogEntry(
    3, "D002", "success", THEN + timedelta(hours=1),
    attempt_id="a-3",
    ended_at=THEN + timedelta(hours=1, seconds=0.5),
    duration_seconds=0.5,
    username="dagster",
    hostname="worker-7",
    attempt=2,
    description="correct cherry",
    checksum="3" * 64,
    rows_affected=1,
    executor="dagster",
    executor_run_id=DAGSTER_RUN,
    pid=1,
    tool_version="2.0.0",
    recovered=False,
)  # fmt: skip
RUNNING = LogEntry(
    4, "D003", "running", THEN + timedelta(hours=2),
    attempt_id="a-4",
    username="ann",
    hostname="db1",
    attempt=1,
    description="load extra terms",
    checksum="4" * 64,
    executor="cli",
    pid=4400,
    tool_version="2.0.0",
    recovered=False,
)  # fmt: skip
VERIFIED = LogEntry(
    5, "D002", "success", THEN + timedelta(hours=3),
    attempt_id="a-5",
    ended_at=THEN + timedelta(hours=3, seconds=0.25),
    duration_seconds=0.25,
    username="dagster",
    hostname="worker-7",
    description="correct cherry",
    checksum="3" * 64,
    executor="dagster",
    executor_run_id=DAGSTER_RUN,
    pid=1,
    tool_version="2.0.0",
    recovered=False,
    operation="verify",
)  # fmt: skip
DRIFTED = replace(
    VERIFIED, id=6, attempt_id="a-6", status="failed", exception=MISTAKE,
    started_at=THEN + timedelta(hours=4), ended_at=THEN + timedelta(hours=4, seconds=0.25),
)  # fmt: skip
LOG = (LOADED, FAILED, CORRECTED, RUNNING)
MARKS = (
    Mark("D001", LOADED.ended_at, "success", 1.237, "a-1", "1" * 64),
    Mark("D002", CORRECTED.ended_at, "success", 0.5, "a-3", "3" * 64),
)


def record(project: ProjectFolder, *facts: LogEntry | Mark) -> None:
    """Write log entries as this version does."""
    with project.connection() as conn:
        for table in (version_table, history_table):
            ensure(conn, table)
    _insert(project, facts, version_table, history_table)


def record_as_1(project: ProjectFolder, *facts: LogEntry | Mark) -> None:
    """Write log entries as delembic 1.x did, into its tables."""
    metadata = MetaData()
    old = [
        Table(
            table.name,
            metadata,
            *[
                Column(column.name, column.type, primary_key=column.primary_key)
                for column in list(table.columns)[: COLUMNS_OF_1[table.name]]
            ],
        )
        for table in (version_table, history_table)
    ]
    with project.connection() as conn:
        metadata.create_all(conn)
    _insert(project, facts, *old)


def _insert(
    project: ProjectFolder, facts: tuple[LogEntry | Mark, ...], versions: Table, history: Table
) -> None:
    with project.connection() as conn:
        for fact in facts:
            table = versions if isinstance(fact, Mark) else history
            values = asdict(fact)
            if isinstance(fact, Mark):
                values["execution_time_seconds"] = values.pop("duration_seconds")
            values["run_id"] = values.pop("attempt_id")
            known = {name: values[name] for name in table.columns.keys()}  # noqa: SIM118
            conn.execute(insert(table).values(known))
