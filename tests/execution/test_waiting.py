"""What a runner that waits for another must not do to it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from delembic import commands
from delembic.events import Event, Finished, Listener, Skipped, Waiting
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder


def test_an_index_can_be_created_concurrently_while_another_runner_waits(
    postgresql_url: str, tmp_path: Path
) -> None:
    """A blocking lock would hold a snapshot while it waits, and the index waits for those."""
    GATES.clear()
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration(
        "D001",
        """
        GATES["inside"].set()
        GATES["waiting"].wait(PATIENCE_SECONDS)
        with conn.engine.connect() as other:
            other = other.execution_options(isolation_level="AUTOCOMMIT")
            other.exec_driver_sql("SET statement_timeout = '20s'")
            other.exec_driver_sql("CREATE INDEX CONCURRENTLY i ON t (x)")
        """,
    )

    with ThreadPoolExecutor() as pool:
        first = pool.submit(project.upgrade)
        assert GATES["inside"].wait(PATIENCE_SECONDS)
        second = pool.submit(
            commands.upgrade,
            project.config,
            on_event=_when_waiting(GATES["waiting"]),
            lock_timeout_seconds=PATIENCE_SECONDS,
        )
        outcomes = [*first.result(), *second.result()]

    assert [type(outcome) for outcome in outcomes] == [Finished, Skipped]
    assert project.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")


def _when_waiting(gate: threading.Event) -> Listener:
    def listen(event: Event) -> None:
        if isinstance(event, Waiting):
            gate.set()

    return listen
