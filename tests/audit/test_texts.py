"""Texts that a database cannot hold: they are escaped, and hide no error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from delembic import Program, commands
from delembic.audit.ledger import Ledger
from delembic.audit.share import Share
from delembic.audit.stopwatch import Stopwatch
from delembic.database.connections import autocommitting
from delembic.database.repertoire import ASCII, Repertoire
from delembic.errors import EntryNotKeptError, MigrationFailedError
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.servers.databases import Databases

pytestmark = pytest.mark.long

TEXT = "5 Ω, 3 é, 1 \U0001f34e"
ESCAPED = r"5 \u03a9, 3 \xe9, 1 \U0001f34e"
WITHOUT_OMEGA = r"5 \u03a9, 3 é, 1 \U0001f34e"
WITHOUT_APPLE = r"5 Ω, 3 é, 1 \U0001f34e"
WHOLE = r"5 Ω, 3 é, 1 🍎"

PLACES = {
    "latin1": ("postgresql", "LATIN1", "", WITHOUT_OMEGA),
    "latin1-by-utf8": ("postgresql", "LATIN1", "client_encoding=utf8", WITHOUT_OMEGA),
    "win1252": ("postgresql", "WIN1252", "", WITHOUT_OMEGA),
    "euc": ("postgresql", "EUC_TW", "client_encoding=utf8", ESCAPED),
    "sql-ascii": ("postgresql", "SQL_ASCII", "client_encoding=utf8", WHOLE),
    "utf8": ("postgresql", "UTF8", "", WHOLE),
    "mariadb-latin1": ("mariadb", "latin1", "charset=latin1", WITHOUT_OMEGA),
    "mariadb-utf8": ("mariadb", "utf8mb4", "charset=utf8", WITHOUT_APPLE),
    "mariadb-utf8mb4": ("mariadb", "latin1", "charset=utf8mb4", WHOLE),
    "sqlite": ("sqlite", "", "", WHOLE),
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ProjectFolder, str]]:
    """A project in a database with an encoding of its own, and how the text looks there."""
    kind, encoding, option, expected = PLACES[request.param]
    url = request.getfixturevalue(f"{kind}_url")
    if kind == "postgresql":
        databases: Databases = request.getfixturevalue("postgresql_databases")
        name = f"{make_url(url).database}_{encoding.lower()}"
        with databases.connection() as conn:
            conn.exec_driver_sql(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'"
                " LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        url = make_url(url).set(database=name).render_as_string(hide_password=False)
    elif kind == "mariadb":
        with_charset = ProjectFolder(tmp_path / "made", url)
        with_charset.execute(f"ALTER DATABASE {make_url(url).database} CHARACTER SET {encoding}")
        url = url.partition("?")[0]
    yield ProjectFolder(tmp_path / "project", f"{url}?{option}" if option else url), expected
    if kind == "postgresql":
        with databases.connection() as conn:
            conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def describing(project: ProjectFolder, upgrade: str) -> None:
    path = project.migration("D001", upgrade)
    source = path.read_text()
    path.write_text(source.replace("'the work of D001'", ascii(TEXT)))


def test_an_error_is_shown_and_recorded(place: tuple[ProjectFolder, str]) -> None:
    project, expected = place
    describing(project, f"raise ValueError({TEXT!a})")
    program = Program(username=f"{TEXT}\0\ud800", hostname=TEXT)

    with pytest.raises(MigrationFailedError, match="ValueError: 5 Ω"):
        project.upgrade(program=program)

    (entry,) = commands.runs(project.config)
    assert entry.status == "failed"
    assert (entry.reason, entry.description) == (f"ValueError: {expected}", expected)
    assert entry.username == rf"{expected}\x00\ud800"
    assert entry.hostname == expected


def test_a_success_is_recorded(place: tuple[ProjectFolder, str]) -> None:
    project, expected = place
    describing(project, "return")

    project.upgrade()

    (entry,) = commands.runs(project.config)
    assert (entry.status, entry.description) == ("success", expected)


def test_a_text_grows_no_longer_than_its_column(backend: Backend, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    path = project.migration("D001", "raise ValueError('\\0' * 60_000 + ' the end')")
    path.write_text(path.read_text().replace("'the work of D001'", "'é' * 70_000"))

    with pytest.raises(MigrationFailedError):
        project.upgrade(program=Program(username="u" * 300, executor_run_id="é" * 300))

    (entry,) = commands.runs(project.config)
    assert (entry.exception or "").endswith(" the end\n")
    assert entry.description == "é" * 30_000
    assert (entry.username, entry.executor_run_id) == ("u" * 255, "é" * 255)


class DriversError(Exception):
    """What a driver raises that is none of the errors of its interface."""


def refuse(monkeypatch: pytest.MonkeyPatch, refused: Repertoire) -> None:
    """Let the driver raise an error of its own for a text that is not in ``refused``."""
    from delembic.database.connections import execute_reconnecting

    def refusing(conn: Any, statement: Any, values: Any = None) -> Any:
        for value in (values or {}).values():
            if isinstance(value, str) and refused.fit(value) != value:
                raise DriversError
        return execute_reconnecting(conn, statement, values)

    monkeypatch.setattr("delembic.audit.ledger.execute_reconnecting", refusing)


def test_whatever_a_driver_raises_of_a_text_it_is_written_in_plain_ascii(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    describing(project, f"raise ValueError({TEXT!a})")
    refuse(monkeypatch, ASCII)

    with pytest.raises(MigrationFailedError, match="ValueError: 5 Ω"):
        project.upgrade()

    (entry,) = commands.runs(project.config)
    assert (entry.status, entry.reason) == ("failed", f"ValueError: {ESCAPED}")
    assert entry.description == ESCAPED


def test_an_error_of_the_record_never_hides_the_users(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001", "raise ValueError('mine')")

    def broken(*args: object, **values: object) -> None:
        raise DriversError

    monkeypatch.setattr(Ledger, "finish", broken)

    with pytest.raises(MigrationFailedError, match="ValueError: mine"):
        project.upgrade()


def test_a_process_is_known_by_the_name_that_was_written(
    place: tuple[ProjectFolder, str],
) -> None:
    project, _ = place
    project.migration("D001")
    project.upgrade()
    (source,) = commands.read_graph(project.config).values()

    with autocommitting(create_engine(project.url, poolclass=NullPool)) as conn:
        ledger = Ledger(conn, Program(hostname=TEXT), Share(None))
        ledger.start(source, Stopwatch())
        (entry,) = ledger.unfinished()

        assert ledger.is_own(entry)
        assert not Ledger(conn, Program(hostname="Ω"), Share(None)).is_own(entry)


def test_what_is_waited_for_is_noted(place: tuple[ProjectFolder, str]) -> None:
    project, expected = place
    project.migration("D001")
    project.upgrade()
    (source,) = commands.read_graph(project.config).values()

    with autocommitting(create_engine(project.url, poolclass=NullPool)) as conn:
        ledger = Ledger(conn, Program(), Share(None))
        ledger.note(ledger.start(source, Stopwatch()).entry, TEXT)
        (entry,) = ledger.unfinished()

    assert entry.exception == expected


SWALLOWING = {
    "sqlite": [
        "CREATE TRIGGER swallow BEFORE INSERT ON delembic_run_history"
        " BEGIN SELECT RAISE(IGNORE); END"
    ],
    "postgresql": [
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER swallow BEFORE INSERT ON delembic_run_history"
        " FOR EACH ROW EXECUTE FUNCTION swallow()",
    ],
    "taken away": [
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN DELETE FROM delembic_run_history WHERE id = NEW.id; RETURN NULL; END $$",
        "CREATE TRIGGER swallow AFTER INSERT ON delembic_run_history"
        " FOR EACH ROW EXECUTE FUNCTION swallow()",
    ],
}


@pytest.mark.parametrize("way", SWALLOWING)
def test_nothing_is_run_without_a_row(
    way: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kind = "sqlite" if way == "sqlite" else "postgresql"
    project = ProjectFolder(tmp_path / "project", request.getfixturevalue(f"{kind}_url"))
    project.migration("D000", "conn.exec_driver_sql('CREATE TABLE t (n INTEGER)')")
    project.upgrade()
    project.migration("D001", "conn.exec_driver_sql('INSERT INTO t VALUES (1)')")
    project.execute(*SWALLOWING[way])

    with pytest.raises(EntryNotKeptError, match="delembic_run_history") as caught:
        project.upgrade()

    assert caught.value.exit_code == 2
    assert project.value("SELECT count(*) FROM t") == 0
    assert list(project.marks()) == ["D000"]
