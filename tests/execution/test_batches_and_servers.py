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
from support.batched import ROWS, counts, write_batched
from support.projects import ProjectFolder
from support.servers.availability import ServerUnavailableError, do_without
from support.servers.pgbouncer import private_pgbouncer
from support.servers.private import PrivateServer

RUNNERS = 3


def test_a_run_goes_on_when_its_server_was_restarted(
    postgresql_server: PrivateServer, postgresql_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    write_batched(project, with_rows=True)
    events: list[Event] = []

    def restart_after_three(event: Event) -> None:
        events.append(event)
        if isinstance(event, BatchDone) and event.progress.batches == 3:
            postgresql_server.stop(SIGQUIT)
            postgresql_server.start()

    (outcome,) = commands.upgrade(project.config, on_event=restart_after_three)

    assert isinstance(outcome, Finished)
    assert counts(project) == {1: ROWS}
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
    write_batched(pooled, with_rows=True)
    pooled.configure(lock="lease")

    def run(number: int) -> int:
        try:
            return len(commands.upgrade(pooled.config, lock_timeout_seconds=30))
        except (LockTimeoutError, TakenOverError):
            return 0

    with ThreadPoolExecutor(RUNNERS) as pool:
        assert sum(pool.map(run, range(RUNNERS))) >= 1

    assert counts(pooled) == {1: ROWS}
    assert pooled.states() == {"D001": "applied"}
