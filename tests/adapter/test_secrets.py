"""No password gets into Dagster's event log, wherever it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance
from sqlalchemy import make_url

from support.dagster_location import Location
from support.projects import ProjectFolder

LEAKS = {
    "in a text": "raise ValueError(f'cannot use {conn.engine.url.password}')",
    "in a URL": "raise ValueError(conn.engine.url.render_as_string(hide_password=False))",
    "in a chain": (
        "try:\n"
        "    raise KeyError(conn.engine.url.password)\n"
        "except KeyError as error:\n"
        "    raise ValueError('no such user') from error"
    ),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=list(LEAKS))
def test_a_password_in_a_migrations_error_is_in_no_event_of_its_run(
    postgresql_url: str, tmp_path: Path, instance: DagsterInstance, leak: str
) -> None:
    location = Location(ProjectFolder(tmp_path / "project", postgresql_url), instance)
    location.folder.migration("D001", leak)

    ran = location.run()

    told = "\n".join(str(record) for record in instance.all_logs(ran.run_id))
    assert ran.failed() == {"D001"}
    assert "ValueError" in told
    for spelling in _spellings(postgresql_url):
        assert spelling not in told


def test_a_server_that_refuses_the_connection_is_reported_without_the_password(
    postgresql_url: str, tmp_path: Path, instance: DagsterInstance
) -> None:
    wrong = make_url(postgresql_url).set(password="not/the%right@one")
    url = wrong.render_as_string(hide_password=False)
    location = Location(ProjectFolder(tmp_path / "project", url), instance)
    location.folder.migration("D001")

    ran = location.run()

    told = "\n".join(str(record) for record in instance.all_logs(ran.run_id))
    assert "Cannot connect to" in told
    for spelling in _spellings(url):
        assert spelling not in told


def _spellings(url: str) -> tuple[str, str]:
    """The password in plain text, and as it is written in the URL."""
    password = str(make_url(url).password)
    return password, url.partition("://")[2].partition(":")[2].rpartition("@")[0]
