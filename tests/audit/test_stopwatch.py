"""How long something has taken does not follow the clock of the machine, which may be set.

The clock of a machine cannot be set in a test, so here is a clock that is set back for each look.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from delembic.audit import stopwatch
from delembic.audit.stopwatch import Stopwatch
from support.projects import ProjectFolder


class SetBack(datetime):
    """A clock that is an hour earlier for each look."""

    looks = 0

    @classmethod
    def now(cls, tz: object = None) -> SetBack:
        cls.looks += 1
        earlier = datetime.now(UTC) - timedelta(hours=cls.looks)
        return cls.fromtimestamp(earlier.timestamp(), UTC)


@pytest.fixture(autouse=True)
def _set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopwatch, "datetime", SetBack)


def test_the_time_goes_on_from_its_beginning() -> None:
    watch = Stopwatch()

    assert watch.started_at <= watch.now <= watch.now < watch.started_at + timedelta(minutes=1)


@pytest.mark.parametrize("body", ["return", "raise ValueError('no')"], ids=["success", "failure"])
def test_no_attempt_ends_before_it_began(tmp_path: Path, body: str) -> None:
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path / 'work.sqlite'}")
    project.migration("D001", body)

    with pytest.raises(Exception, match="no") if "raise" in body else nullcontext():
        project.upgrade()

    (row,) = project.attempts()
    assert row.ended_at >= row.started_at
    assert 0 <= row.duration_seconds < 60
    assert project.marks()["D001"].applied_at >= row.started_at
