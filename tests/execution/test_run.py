"""What attempts of one run share; the promise itself is in ``test_contract.py``."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from delembic import commands
from delembic.errors import LockTimeoutError, MigrationFailedError
from delembic.events import Finished
from support.projects import GATES, PATIENCE_SECONDS, ProjectFolder


def test_where_revisions_share_a_lock_the_one_at_work_on_another_is_named(
    sqlite_url: str, tmp_path: Path
) -> None:
    """SQLite has one lock for all revisions, since it lets one connection write at a time."""
    GATES.clear()
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001", "GATES['inside'].set(); GATES['go'].wait(PATIENCE_SECONDS)")
    project.migration("D002")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(project.upgrade, "D001")
        assert GATES["inside"].wait(PATIENCE_SECONDS)
        with pytest.raises(LockTimeoutError) as caught:
            commands.upgrade(project.config, "D002", lock_timeout_seconds=0)
        GATES["go"].set()
        first.result()

    assert f"pid {os.getpid()} (python) for D001 since " in caught.value.holder


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("transaction", [True, False])
def test_a_failure_under_another_kind_of_lock_does_not_undo_work_that_goes_well(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, transaction: bool
) -> None:
    """As when a deployment changes the setting: the runs do not see each other's lock."""
    GATES.clear()
    project = ProjectFolder(tmp_path / "project", request.getfixturevalue(f"{kind}_url"))
    project.execute("CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (0)")
    path = project.migration(
        "D001",
        """
        if GATES["inside"].is_set():
            raise RuntimeError("no")
        GATES["inside"].set()
        GATES["go"].wait(PATIENCE_SECONDS)
        conn.exec_driver_sql("UPDATE t SET n = n + 1")
        """,
    )
    if not transaction:
        source = path.read_text()
        path.write_text(
            source.replace("    def upgrade", "    transaction = False\n    def upgrade")
        )

    with ThreadPoolExecutor() as pool:
        first = pool.submit(commands.upgrade, project.config)
        assert GATES["inside"].wait(PATIENCE_SECONDS)
        project.configure(lock="lease")
        with pytest.raises(MigrationFailedError):
            project.upgrade()
        GATES["go"].set()
        (outcome,) = first.result()

    assert isinstance(outcome, Finished)
    assert project.value("SELECT n FROM t") == 1
    assert project.states() == {"D001": "applied"}
    assert project.statuses() == ["success", "failed"]
