"""Runs through PgBouncer in transaction mode, where a session is lent to others in between."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from delembic.errors import ConfigurationError
from delembic.events import Finished, Skipped
from support.projects import ProjectFolder
from support.servers.availability import ServerUnavailableError, do_without
from support.servers.pgbouncer import private_pgbouncer
from support.servers.private import PrivateServer

RUNNERS = 4


@pytest.fixture
def pgbouncer(postgresql_url: str) -> Iterator[PrivateServer]:
    """Before the server of `postgresql_url`."""
    try:
        with private_pgbouncer(make_url(postgresql_url)) as server:
            yield server
    except ServerUnavailableError as reason:
        do_without("pgbouncer", reason)


@pytest.fixture
def project(pgbouncer: PrivateServer, tmp_path: Path) -> ProjectFolder:
    url = pgbouncer.databases.server.render_as_string(hide_password=False)
    project = ProjectFolder(tmp_path / "project", url)
    project.execute("CREATE TABLE t (x INTEGER)")
    # More often than psycopg needs to have the server prepare it.
    project.migration(
        "D001",
        "for n in range(20): conn.exec_driver_sql('INSERT INTO t VALUES (%s)', (n,))",
        validate="assert conn.exec_driver_sql('SELECT count(*) FROM t').scalar() == 20",
    )
    project.migration("D002", "conn.exec_driver_sql('DELETE FROM t WHERE x > 9')")
    return project


def test_under_a_lease_runners_do_everything_once(project: ProjectFolder) -> None:
    project.configure(lock="lease")
    others = [ProjectFolder(project.root.with_name(str(n)), project.url) for n in range(RUNNERS)]
    for other in others:
        other.configure(lock="lease")
        for path in project.versions.iterdir():
            other.versions.joinpath(path.name).write_text(path.read_text())

    with ThreadPoolExecutor(RUNNERS) as pool:
        outcomes = sum(pool.map(ProjectFolder.upgrade, others), ())

    finished = [outcome.revision for outcome in outcomes if isinstance(outcome, Finished)]
    assert sorted(finished) == ["D001", "D002"]
    assert {type(outcome) for outcome in outcomes} <= {Finished, Skipped}
    assert project.value("SELECT count(*) FROM t") == 10
    assert project.statuses() == ["success", "success"]
    assert project.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


def test_a_lock_of_the_session_is_refused(project: ProjectFolder) -> None:
    with pytest.raises(ConfigurationError) as caught:
        project.upgrade()

    assert str(caught.value) == (
        "The server is behind a pooler that may change sessions after each transaction, as"
        " PgBouncer does in transaction mode. A session lock has no effect there.\n"
        "Set lock = lease."
    )
    assert project.statuses() == []
