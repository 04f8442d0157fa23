"""Work in batches while its server restarts, and through a pooler that lends sessions out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGQUIT

import pytest
from sqlalchemy import make_url

from delembic import commands
from delembic.errors import LockTimeoutError, TakenOverError
from delembic.events import BatchDone, BatchRetried, Event, Finished
from support.projects import ProjectFolder
from support.servers.availability import ServerUnavailableError, do_without
from support.servers.pgbouncer import private_pgbouncer
from support.servers.private import PrivateServer

RUNNERS = 3
MIGRATION = """
from delembic import BatchedMigration, KeyRanges
from sqlalchemy import text

class Count(BatchedMigration):
    revision = "D001"
    depends_on = []
    batches = KeyRanges("t")
    batch_size = 10
    batch_seconds = None

    def upgrade_batch(self, conn, batch):
        conn.execute(text(f"UPDATE t SET n = n + 1 WHERE {batch.where}"), batch.parameters)
"""


def _fill(project: ProjectFolder) -> None:
    project.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)",
        "INSERT INTO t SELECT x, 0 FROM generate_series(1, 100) AS x",
    )
    project.write("delembic/versions/D001.py", MIGRATION)


def _counts(project: ProjectFolder) -> dict[int, int]:
    found = project.rows("SELECT n, count(*) AS found FROM t GROUP BY n")
    return {row.n: row.found for row in found}


def test_a_run_goes_on_when_its_server_was_restarted(
    postgresql_server: PrivateServer, postgresql_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    _fill(project)
    events: list[Event] = []

    def restart_after_three(event: Event) -> None:
        events.append(event)
        if isinstance(event, BatchDone) and event.progress.batches == 3:
            postgresql_server.stop(SIGQUIT)
            postgresql_server.start()

    (outcome,) = commands.upgrade(project.config, on_event=restart_after_three)

    assert isinstance(outcome, Finished)
    assert _counts(project) == {1: 100}
    assert [event for event in events if isinstance(event, BatchRetried)]


@pytest.fixture
def pooled(postgresql_url: str, tmp_path: Path) -> Iterator[ProjectFolder]:
    """A project behind PgBouncer in transaction mode."""
    try:
        with private_pgbouncer(make_url(postgresql_url)) as server:
            url = server.databases.server.render_as_string(hide_password=False)
            yield ProjectFolder(tmp_path / "project", url)
    except ServerUnavailableError as reason:
        do_without("pgbouncer", reason)


def test_behind_pgbouncer_runners_do_each_row_once(pooled: ProjectFolder) -> None:
    _fill(pooled)
    pooled.configure(lock="lease")

    def run(number: int) -> int:
        try:
            return len(commands.upgrade(pooled.config, lock_timeout_seconds=30))
        except (LockTimeoutError, TakenOverError):
            return 0

    with ThreadPoolExecutor(RUNNERS) as pool:
        assert sum(pool.map(run, range(RUNNERS))) >= 1

    assert _counts(pooled) == {1: 100}
    assert pooled.states() == {"D001": "applied"}
