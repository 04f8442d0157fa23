"""What is read of the audit log; how its rows come about is in ``test_contract.py``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from delembic.audit.ledger import Attempt, read_latest
from delembic.errors import MigrationFailedError
from projects import ProjectFolder
from servers.backend import Backend

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def test_of_several_attempts_at_a_revision_the_last_one_counts(
    backend: Backend, tmp_path: Path
) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.migration("D001", "raise ValueError")
    for _ in range(2):
        with pytest.raises(MigrationFailedError):
            project.upgrade()
    project.migration("D001", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        project.upgrade()

    with project.connection() as conn:
        latest = read_latest(conn)

    assert list(latest) == ["D001"]
    assert (latest["D001"].attempt, latest["D001"].status) == (3, "interrupted")
    assert project.states() == {"D001": "interrupted"}


@pytest.mark.parametrize(
    ("attempt", "who"),
    [
        (Attempt(1, "D001", "running", THEN, username="ann", hostname="db1"), "ann@db1"),
        (
            Attempt(
                1, "D001", "running", THEN, username="ann", hostname="db1", pid=7, executor="cli"
            ),
            "ann@db1, pid 7 (cli)",
        ),
    ],
)
def test_a_runner_is_named_as_far_as_the_row_tells(attempt: Attempt, who: str) -> None:
    assert attempt.who == who
