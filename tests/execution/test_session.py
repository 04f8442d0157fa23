"""Several runs over the same connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, inspect

from delembic import (
    DelembicError,
    MigrationBlockedError,
    MigrationFailedError,
    commands,
)
from delembic.events import Event, FilesGone, Finished, Skipped
from support.projects import ProjectFolder
from support.servers.backend import Backend


@pytest.fixture
def project(tmp_path: Path, backend: Backend) -> ProjectFolder:
    folder = ProjectFolder(tmp_path / "project", backend.url)
    folder.execute("CREATE TABLE t (name VARCHAR(20))")
    for number in (1, 2, 3):
        folder.migration(
            f"D00{number}", f"conn.exec_driver_sql(\"INSERT INTO t VALUES ('D00{number}')\")"
        )
    return folder


@contextmanager
def counting_connections() -> Iterator[list[str]]:
    opened: list[str] = []

    def note(*_: object) -> None:
        opened.append("one")

    event.listen(Engine, "connect", note)
    try:
        yield opened
    finally:
        event.remove(Engine, "connect", note)


def test_runs_share_the_metadata_connection(project: ProjectFolder) -> None:
    graph = commands.read_graph(project.config)

    with counting_connections() as opened, commands.open_session(project.config) as session:
        outcomes = [session.apply(graph, revision) for revision in graph]

    assert [type(outcome) for outcome in outcomes] == [Finished] * 3
    # One to look before anything is written, one for all that is delembic's, and one for each work.
    assert len(opened) == 1 + 1 + 3


def test_nothing_is_opened_before_the_first_run(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere")

    with counting_connections() as opened, commands.open_session(project.config):
        pass

    assert opened == []


def test_nothing_is_written_before_a_run_has_passed_its_preflight(project: ProjectFolder) -> None:
    project.migration("D001", head="import a_package_that_is_not_there")
    graph = commands.read_graph(project.config)

    with (
        commands.open_session(project.config) as session,
        pytest.raises(DelembicError, match="a_package_that_is_not_there"),
    ):
        session.apply(graph, "D001")

    with pytest.raises(Exception, match="delembic_run_history"):
        project.attempts()


def test_each_run_tells_its_own_listener(project: ProjectFolder) -> None:
    graph = commands.read_graph(project.config)
    first: list[Event] = []
    second: list[Event] = []

    with commands.open_session(project.config) as session:
        session.apply(graph, "D001", first.append)
        session.apply(graph, "D002", second.append)

    assert {getattr(event, "revision", None) for event in first} == {"D001"}
    assert {getattr(event, "revision", None) for event in second} == {"D002"}


def test_a_failure_leaves_the_session_usable(project: ProjectFolder) -> None:
    project.migration("D001", "1/0")
    project.migration("D002", depends_on=("D001",))
    graph = commands.read_graph(project.config)

    with commands.open_session(project.config) as session:
        with pytest.raises(MigrationFailedError):
            session.apply(graph, "D001")
        with pytest.raises(MigrationBlockedError):
            session.apply(graph, "D002")
        assert isinstance(session.apply(graph, "D003"), Finished)

    assert project.statuses() == ["failed", "blocked", "success"]


def test_it_sees_what_others_have_applied_meanwhile(project: ProjectFolder) -> None:
    graph = commands.read_graph(project.config)

    with commands.open_session(project.config) as session:
        session.apply(graph, "D001")
        project.apply("D002")
        outcome = session.apply(graph, "D002")

    assert isinstance(outcome, Skipped)
    assert project.statuses("D002") == ["success"]


def test_a_connection_that_the_server_dropped_between_two_runs_is_opened_anew(
    tmp_path: Path, postgresql_url: str
) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.migration("D001")
    project.migration("D002")
    graph = commands.read_graph(project.config)

    with commands.open_session(project.config) as session:
        session.apply(graph, "D001")
        (ended,) = project.rows(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        outcome = session.apply(graph, "D002")

    assert ended[0] == 1
    assert isinstance(outcome, Finished)
    assert project.statuses() == ["success", "success"]


def test_upgrade_in_a_session_runs_the_rest(project: ProjectFolder) -> None:
    graph = commands.read_graph(project.config)

    with commands.open_session(project.config) as session:
        session.apply(graph, "D002")
        outcomes = session.upgrade(graph)

    assert [outcome.revision for outcome in outcomes] == ["D001", "D003"]


def test_everything_is_closed_at_the_end(tmp_path: Path, postgresql_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.migration("D001")

    with commands.open_session(project.config) as session:
        session.apply(commands.read_graph(project.config), "D001")

    assert (
        project.value(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        == 0
    )


def test_an_upgrade_without_files_names_what_is_applied_and_writes_nothing(
    project: ProjectFolder,
) -> None:
    project.upgrade("D002")
    for path in project.versions.glob("*.py"):
        path.unlink()

    assert project.upgrade() == ()

    assert project.events == [FilesGone(("D002",))]


def test_an_upgrade_of_a_project_without_migrations_makes_no_table(
    tmp_path: Path, backend: Backend
) -> None:
    folder = ProjectFolder(tmp_path / "project", backend.url)

    assert folder.upgrade() == ()

    with folder.connection() as conn:
        assert inspect(conn).get_table_names() == []
