"""Connections that break in the middle: a clear error, no double effect, and the next run settles.

The sessions are really ended, by the server, right before a step of the protocol is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from delembic.audit.ledger import Ledger
from delembic.errors import DelembicError
from delembic.events import LockLost, RecordDelayed
from delembic.execution.run import Run
from delembic.execution.work import whole
from delembic.execution.work.transaction import Transaction
from delembic.locks import lock
from delembic.locks.lock import Lock
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.servers.private import PrivateServer
from support.sessions import end_all_sessions

pytestmark = pytest.mark.long

STEPS: dict[str, tuple[Any, str]] = {
    "lock": (lock, "acquire"),
    "look again": (Run, "mark"),
    "dependencies": (Run, "unapplied"),
    "settle": (Ledger, "unfinished"),
    "record": (Ledger, "start"),
    "begin": (whole, "open_transaction"),
    "confirm": (Lock, "confirm"),
    "mark": (whole, "mark_applied"),
    "witness": (Transaction, "come_back"),
    "commit": (Connection, "commit"),
    "finish": (Ledger, "finish"),
    "unlock": (lock, "release"),
}
TWO_ROWS = "conn.exec_driver_sql('INSERT INTO t VALUES (1), (2)')"


@pytest.fixture(params=["postgresql", "mariadb"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFolder:
    url = request.getfixturevalue(f"{request.param}_url")
    project = ProjectFolder(tmp_path / "project", url)
    project.execute("CREATE TABLE t (x INTEGER)")
    project.migration("D000")
    project.migration("D001", TWO_ROWS, depends_on=("D000",))
    project.upgrade("D000")
    return project


@pytest.mark.parametrize("step", STEPS)
def test_sessions_that_end_at_a_step_leave_nothing_doubled_lost_or_unsettled(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    ended = _end_sessions_at(step, project, monkeypatch)
    failure = _upgrade(project)
    monkeypatch.undo()

    _upgrade_must_work(project)

    assert sum(ended) > 0
    assert failure is None or isinstance(failure, DelembicError)
    assert project.value("SELECT count(*) FROM t") == 2
    assert project.states() == {"D000": "applied", "D001": "applied"}
    assert "running" not in project.statuses()
    assert project.statuses("D001").count("success") == 1


@pytest.mark.parametrize("step", ["upgrade", "validate"])
def test_sessions_that_end_in_the_migration_are_a_failure_on_record(
    project: ProjectFolder, step: str
) -> None:
    end = f"from support.sessions import end_all_sessions; end_all_sessions({project.url!r})"
    if step == "upgrade":
        project.migration("D001", f"{TWO_ROWS}\n{end}\n{TWO_ROWS}", depends_on=("D000",))
    else:
        read = "conn.exec_driver_sql('SELECT 1')"
        project.migration("D001", TWO_ROWS, validate=f"{end}\n{read}", depends_on=("D000",))

    failure = _upgrade(project)
    project.migration("D001", TWO_ROWS, depends_on=("D000",))
    _upgrade_must_work(project)

    assert isinstance(failure, DelembicError)
    assert project.statuses("D001") == ["failed", "success"]
    assert project.value("SELECT count(*) FROM t") == 2


def test_a_lock_that_was_lost_with_its_session_is_told(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _end_sessions_at("finish", project, monkeypatch)

    project.upgrade()

    assert LockLost("D001") in project.events
    assert project.statuses("D001") == ["success"]


class TestServer:
    """The server goes away in the middle, and comes back."""

    @pytest.fixture(params=["postgresql", "mariadb"])
    def server(self, request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
        yield request.getfixturevalue(f"{request.param}_server")

    @pytest.fixture
    def project(self, server: PrivateServer, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        kind = request.node.callspec.params["server"]
        project = ProjectFolder(tmp_path / "project", request.getfixturevalue(f"{kind}_url"))
        project.execute("CREATE TABLE t (x INTEGER)")
        project.migration("D001", TWO_ROWS)
        return project

    @pytest.mark.parametrize("step", ["begin", "mark", "commit", "finish"])
    def test_stopped_at_a_step_it_is_a_clear_error_and_the_next_run_settles(
        self,
        server: PrivateServer,
        project: ProjectFolder,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
    ) -> None:
        _before(step, server.stop, monkeypatch)
        failure = _upgrade(project)
        monkeypatch.undo()
        server.start()

        _upgrade_must_work(project)

        delayed = [event for event in project.events if isinstance(event, RecordDelayed)]
        assert failure is None or isinstance(failure, DelembicError)
        assert delayed == []
        assert project.value("SELECT count(*) FROM t") == 2
        assert "running" not in project.statuses()
        assert project.statuses().count("success") == 1

    def test_stopped_before_the_run_it_is_a_clear_error(
        self, server: PrivateServer, project: ProjectFolder
    ) -> None:
        server.stop()

        with pytest.raises(DelembicError, match="Cannot connect to"):
            project.upgrade()


class TestAuditWrite:
    """The metadata database cannot be written to at the moment when an attempt ends."""

    @pytest.fixture
    def split(self, backend: Backend, tmp_path: Path) -> ProjectFolder:
        project = ProjectFolder(tmp_path / "project", backend.url)
        project.configure(metadata_url=f"sqlite:///{tmp_path / 'audit.sqlite'}")
        project.execute("CREATE TABLE t (x INTEGER)")
        return project

    @pytest.mark.parametrize("pragma", ["max_page_count = 1", "query_only = ON"])
    @pytest.mark.parametrize("fails", [False, True])
    def test_the_work_ends_as_it_would_and_the_next_run_completes_the_record(
        self,
        split: ProjectFolder,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        pragma: str,
        fails: bool,
    ) -> None:
        split.migration("D001", TWO_ROWS + ("\nraise ValueError('x' * 9000)" if fails else ""))
        original = Ledger.finish

        def finish(ledger: Ledger, *args: Any, **values: Any) -> None:
            ledger._conn.exec_driver_sql(f"PRAGMA {pragma}")
            if not fails and "max_page" in pragma:
                # Too short a record to need a new page; the disk is full all the same.
                values["exception"] = "x" * 9000
            original(ledger, *args, **values)

        monkeypatch.setattr(Ledger, "finish", finish)
        failure = _upgrade(split)
        told = [event for event in split.events if isinstance(event, RecordDelayed)]
        monkeypatch.undo()
        split.migration("D001", TWO_ROWS)
        _upgrade_must_work(split)

        audit = ProjectFolder(tmp_path / "audit", f"sqlite:///{tmp_path / 'audit.sqlite'}")
        assert len(told) == 1
        assert (failure is not None) == fails
        assert split.value("SELECT count(*) FROM t") == 2
        assert audit.statuses() == (["interrupted", "success"] if fails else ["success"])


def test_a_metadata_connection_that_idled_out_in_a_long_migration_is_opened_anew(
    project: ProjectFolder,
) -> None:
    project.migration(
        "D001",
        f"""
        {TWO_ROWS}
        from support.sessions import end_other_sessions
        end_other_sessions(conn)
        """,
        depends_on=("D000",),
    )

    project.upgrade()

    assert project.statuses("D001") == ["success"]
    assert not any(isinstance(event, RecordDelayed) for event in project.events)


def _end_sessions_at(
    step: str, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    ended: list[int] = []
    _before(step, lambda: ended.append(end_all_sessions(project.url)), monkeypatch)
    return ended


def _before(step: str, action: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something right before a step is done for the first time."""
    owner, name = STEPS[step]
    original = getattr(owner, name)
    is_property = isinstance(original, property)
    plain: Any = original.fget if is_property else original
    done: list[bool] = []

    def wrapped(*args: Any, **values: Any) -> Any:
        if not done:
            done.append(True)
            action()
        return plain(*args, **values)

    monkeypatch.setattr(owner, name, property(wrapped) if is_property else wrapped)


def _upgrade(project: ProjectFolder) -> Exception | None:
    try:
        project.upgrade()
    except DelembicError as error:
        return error
    return None


def _upgrade_must_work(project: ProjectFolder) -> None:
    project.upgrade()
