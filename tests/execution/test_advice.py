"""Errors whose own text does not help come with what does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import make_url

from delembic import MigrationFailedError
from support.pages import ROOT
from support.projects import ProjectFolder
from support.servers.backend import Backend

HEAD = "from sqlalchemy import text"
PERCENT = "exec_driver_sql() leaves % and ? to the driver"
COLON = "text() takes a colon before a name for a parameter."
STRING = "conn.execute takes no plain string"


def _project(url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", url)
    project.execute("CREATE TABLE term (code VARCHAR(50))")
    return project


def _remedy(project: ProjectFolder, body: str) -> str:
    project.migration("D001", body, head=HEAD)
    with pytest.raises(MigrationFailedError) as failure:
        project.upgrade()
    return failure.value.remedy


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+psycopg2", "mysql+pymysql"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM term WHERE code LIKE '5%'",
        "SELECT * FROM term WHERE code LIKE '%d'",
        "SELECT * FROM term WHERE code LIKE '5% of'",
        "SELECT * FROM term WHERE code LIKE '%(a'",
    ],
)
def test_a_percent_sign_for_a_driver_leads_to_text(
    request: pytest.FixtureRequest, tmp_path: Path, driver: str, statement: str
) -> None:
    fixture = "mariadb_url" if driver.startswith("mysql") else "postgresql_url"
    url = make_url(request.getfixturevalue(fixture)).set(drivername=driver)
    project = _project(url.render_as_string(hide_password=False), tmp_path)

    remedy = _remedy(project, f"conn.exec_driver_sql({statement!r})")

    assert remedy.startswith(PERCENT), project.attempts()[0].exception
    assert remedy.endswith("then run the upgrade again.")


def test_placeholders_of_another_driver_lead_to_text(backend: Backend, tmp_path: Path) -> None:
    sign = "%s" if backend.name == "sqlite" else "?"
    project = _project(backend.url, tmp_path)

    remedy = _remedy(project, f"conn.exec_driver_sql('INSERT INTO term VALUES ({sign})', ('a',))")

    assert (PERCENT in remedy) == (backend.name != "sqlite")  # there it is a plain syntax error


def test_a_colon_in_text_leads_to_its_escape(backend: Backend, tmp_path: Path) -> None:
    project = _project(backend.url, tmp_path)

    assert _remedy(
        project, """conn.execute(text('INSERT INTO term VALUES (\\'{"n":1}\\')'))"""
    ).startswith(COLON)


def test_a_plain_string_leads_to_text(backend: Backend, tmp_path: Path) -> None:
    project = _project(backend.url, tmp_path)

    assert _remedy(project, "conn.execute('SELECT 1')").startswith(STRING)


def test_an_error_that_was_wrapped_is_looked_into(sqlite_url: str, tmp_path: Path) -> None:
    project = _project(sqlite_url, tmp_path)
    body = "try:\n    conn.execute('SELECT 1')\nexcept Exception as e:\n"
    body += "    raise RuntimeError('load failed') from e"

    assert _remedy(project, body).startswith(STRING)


@pytest.mark.parametrize(
    "body",
    ["raise IndexError('tuple index out of range')", "raise ValueError('not a placeholder')"],
)
def test_an_error_of_the_users_own_gets_no_advice(
    sqlite_url: str, tmp_path: Path, body: str
) -> None:
    project = _project(sqlite_url, tmp_path)

    assert _remedy(project, body).startswith("Its work was rolled back")


def test_what_the_page_shows_works_everywhere(backend: Backend, tmp_path: Path) -> None:
    project = _project(backend.url, tmp_path)
    page = (ROOT / "docs" / "writing-migrations.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n([^`]*class LoadPercentTerms[^`]*)```", page)
    project.write("delembic/versions/D010.py", source.replace('["D001"]', "[]"))

    project.upgrade()

    assert project.value("SELECT code FROM term") == "a:b"
