"""What attempts of one run share; the promise itself is in ``test_contract.py``."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from delembic import commands
from delembic.errors import LockTimeoutError
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
