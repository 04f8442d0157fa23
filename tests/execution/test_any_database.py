"""What holds on a database that delembic does not know: the same, with a lease for a lock."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from delembic import commands
from delembic.errors import LockTimeoutError, MigrationFailedError, UnfitDatabaseError
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder
from support.strangers import Stranger, Unfit, disguised

TWO_ROWS = "conn.exec_driver_sql('INSERT INTO t VALUES (1), (2)')"


@pytest.fixture
def project(postgresql_url: str, tmp_path: Path) -> ProjectFolder:
    """A project whose database counts hours in another way than UTC does."""
    GATES.clear()
    project = ProjectFolder(tmp_path / "project", disguised(postgresql_url, Stranger))
    database = make_url(postgresql_url).database
    project.execute(
        f"ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'", "CREATE TABLE t (x INTEGER)"
    )
    return project


def test_a_migration_takes_effect_and_is_on_record(project: ProjectFolder) -> None:
    project.migration("D001", TWO_ROWS)

    project.upgrade()
    project.upgrade()

    (attempt,) = commands.runs(project.config)
    assert (attempt.status, attempt.rows_affected) == ("success", 2)
    assert project.value("SELECT count(*) FROM t") == 2
    assert project.states() == {"D001": "applied"}


def test_a_failure_is_rolled_back_and_on_record(project: ProjectFolder) -> None:
    project.migration("D001", f"{TWO_ROWS}; 1 / 0")

    with pytest.raises(MigrationFailedError):
        project.upgrade()

    (attempt,) = commands.runs(project.config)
    assert (attempt.status, attempt.reason) == ("failed", "ZeroDivisionError: division by zero")
    assert project.value("SELECT count(*) FROM t") == 0


def test_what_is_applied_can_be_verified(project: ProjectFolder) -> None:
    project.migration("D001", TWO_ROWS, validate="conn.exec_driver_sql('SELECT x FROM t')")
    project.upgrade()

    (verification,) = project.verify()

    assert (verification.passed, verification.rolled_back) == (True, True)


def test_times_are_in_utc_whatever_the_zone_of_the_session(project: ProjectFolder) -> None:
    project.migration("D001")

    before = datetime.now(UTC)
    project.upgrade()

    (attempt,) = commands.runs(project.config)
    (standing,) = commands.history(project.config)
    for time in (attempt.started_at, attempt.ended_at, standing.applied_at):
        assert time
        assert timedelta() <= time - before < timedelta(seconds=PATIENCE_SECONDS)


def test_a_second_runner_is_held_off(project: ProjectFolder) -> None:
    project.migration(
        "D001", f"{TWO_ROWS}; GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)"
    )

    with ThreadPoolExecutor() as pool:
        first = pool.submit(project.upgrade)
        assert GATES["inside"].wait(PATIENCE_SECONDS)
        with pytest.raises(LockTimeoutError) as caught:
            commands.upgrade(project.config, lock_timeout_seconds=0)
        GATES["go"].set()
        first.result()

    assert f"pid {os.getpid()}" in caught.value.holder
    assert project.value("SELECT count(*) FROM t") == 2


def test_one_that_cannot_do_what_is_needed_is_refused_with_nothing_done(
    postgresql_url: str, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", disguised(postgresql_url, Unfit))
    project.migration("D001", "conn.exec_driver_sql('CREATE TABLE t (x INTEGER)')")

    with pytest.raises(UnfitDatabaseError) as caught:
        project.upgrade()

    assert "unfit" in caught.value.message
    assert "AUTOCOMMIT" in caught.value.message
    assert project.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
