"""No password in any output, error or audit row; no values of rows unless they are asked for."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import make_url

from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.shell import run

SECRET = "ti/ger l%ly"
ENCODED = quote(SECRET, safe="")

FORMS = [
    f"postgresql+psycopg://ann:{ENCODED}@127.0.0.1:1/x",
    f"postgresql+psycopg://127.0.0.1:1/x?user=ann&password={ENCODED}",
    f"postgresql+psycopg://127.0.0.1:1/x?sslpassword={ENCODED}",
    f"mysql+pymysql://ann:{ENCODED}@127.0.0.1:1/x",
    f"mysql+pymysql://127.0.0.1:1/x?user=ann&passwd={ENCODED}",
    f"mysql+pymysql://127.0.0.1:1/x?ssl_key_password={ENCODED}",
]


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001")
    return project


@pytest.fixture
def anywhere(backend: Backend, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE person (name VARCHAR(50) PRIMARY KEY, age INTEGER)")
    return project


def _everything(project: ProjectFolder, *commands: str) -> str:
    """All that is to be seen of some commands, with and without ``--debug``, and on record."""
    seen = []
    for command in commands or ("upgrade",):
        for debug in ([], ["--debug"]):
            ran = run(*debug, *command.split(), cwd=project.root)
            seen += [ran.out, ran.err]
    return "\n".join(seen)


def _on_record(project: ProjectFolder) -> str:
    return "\n".join(str(row) for row in project.attempts())


def _leaks(text: str, secret: str = SECRET) -> list[str]:
    """The spellings of a secret that are in a text."""
    return [s for s in (secret, quote(secret, safe=""), secret.replace("%", "%%")) if s in text]


class TestConnecting:
    @pytest.mark.parametrize("url", FORMS)
    @pytest.mark.parametrize("setting", ["sqlalchemy.url", "metadata_url"])
    def test_a_server_that_does_not_answer_is_told_without_the_password(
        self, project: ProjectFolder, setting: str, url: str
    ) -> None:
        settings = {"sqlalchemy.url": project.url} | {setting: url}
        project.configure(**settings)
        project.write(
            "delembic.ini",
            "[delembic]\n" + "\n".join(f"{name} = {value}" for name, value in settings.items()),
        )

        seen = _everything(project, "upgrade", "history", "current")

        assert "Error: Cannot connect to " in seen
        assert "***" in seen
        assert _leaks(seen) == []

    @pytest.mark.parametrize("url", FORMS[:3])
    @pytest.mark.parametrize(
        "text",
        [
            "invalid dsn: user=ann password='{secret}' host=db",
            "cannot reach postgresql://ann:{encoded}@db/x",
            "{secret} was refused",
            "option {secret!r}",
        ],
    )
    def test_a_driver_that_repeats_it_is_quoted_without_it(
        self, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, url: str, text: str
    ) -> None:
        def connect(*args: object, **kwargs: object) -> None:
            raise psycopg.OperationalError(text.format(secret=SECRET, encoded=ENCODED))

        monkeypatch.setattr(psycopg.Connection, "connect", connect)
        monkeypatch.setattr(psycopg, "connect", connect)
        project.write("delembic.ini", f"[delembic]\nsqlalchemy.url = {url}\n")

        seen = _everything(project)

        assert "Error: Cannot connect to postgresql+psycopg://" in seen
        assert re.split(r"[{']|postgres", text, maxsplit=1)[0] in seen
        assert _leaks(seen) == []

    def test_what_stands_inside_another_option_is_masked(self, project: ProjectFolder) -> None:
        dsn = quote("DRIVER={x};SERVER=db;UID=ann;PWD=tiger-lily")
        project.write(
            "delembic.ini",
            f"[delembic]\nsqlalchemy.url = mysql+pymysql://127.0.0.1:1/x?odbc_connect={dsn}\n",
        )

        seen = _everything(project)

        assert "PWD%3D***" in seen
        assert _leaks(seen, "tiger-lily") == []

    def test_what_a_listener_gives_to_the_driver_is_known_as_a_secret_too(
        self, project: ProjectFolder
    ) -> None:
        """As a token of a cloud is, which no URL has ever contained."""
        project.write("delembic.ini", "[delembic]\n")
        project.write(
            "delembic/env.py",
            """
            from sqlalchemy import create_engine, event
            engine = create_engine("postgresql+psycopg://ann@127.0.0.1:1/x")
            @event.listens_for(engine, "do_connect")
            def add_token(dialect, record, args, settings):
                settings["password"] = "tiger-lily-4711"
                settings["connect_timeout"] = "refused: tiger-lily-4711"
            def get_engine():
                return engine
            """,
        )

        seen = _everything(project)

        assert "Error: Cannot connect to postgresql+psycopg://ann@127.0.0.1:1/x: " in seen
        assert _leaks(seen, "tiger-lily-4711") == []


class TestConfiguration:
    @pytest.mark.parametrize(
        "content",
        [
            "sqlalchemy.url = postgresql://ann:tiger-lily@db/x\n",
            "[delembic]\nsqlalchemy.url = postgresql://ann:\ntiger-lily@db/x\n",
            "[delembic]\nsqlalchemy.url = postgresql://ann:tiger-lily@db:port/x\n",
            "[delembic]\nsqlalchemy.url = postgresql://ann:x@tiger-lily:1/x\n",
            "[delembic]\nsqlalchemy.url = postgresql://ann:x@y@tiger-lily/x\n",
            "[delembic]\nsqlalchemy.url = postgresql://ann:x@y/tiger-lily@db/x\n",
            "[delembic]\nsqlalchemy.url = x//ann:tiger-lily@db/x\n",
            "[delembic]\nsqlalchemy.url = x://ann:tiger-lily@db/x\n",
            "[delembic]\nmetadata_url = postgres://ann:tiger-lily@db/x\nsqlalchemy.url=sqlite://",
        ],
    )
    def test_a_malformed_url_is_told_without_its_text(
        self, project: ProjectFolder, content: str
    ) -> None:
        project.write("delembic.ini", content)

        seen = _everything(project)

        assert "Error: delembic.ini" in seen or "@tiger" in content
        if "ann:x@tiger" not in content:  # there, it is the name of a host
            assert _leaks(seen, "tiger-lily") == []

    @pytest.mark.parametrize(
        "content",
        [
            "sqlalchemy.url = postgresql://ann:tiger-lily@db/x\n",
            "[alembic]\nsqlalchemy.url = postgresql://ann:tiger-lily@db/x\nnonsense\n",
        ],
    )
    def test_alembics_ini_is_quoted_without_passwords_too(
        self, project: ProjectFolder, content: str
    ) -> None:
        project.configure(alembic_config="schema.ini")
        project.write("schema.ini", content)
        project.migration("D001", depends_on=("S001",))

        seen = _everything(project)

        assert "Error: Alembic cannot read schema.ini" in seen
        assert _leaks(seen, "tiger-lily") == []


class TestUserCode:
    @pytest.mark.parametrize(
        "text",
        [
            "conn.engine.url.render_as_string(hide_password=False)",
            "conn.engine.url.password",
            "repr(conn.engine.url.password)",
            "'password=' + conn.engine.url.password",
        ],
    )
    def test_a_migration_that_raises_it_is_quoted_without_it(
        self, postgresql_url: str, tmp_path: Path, text: str
    ) -> None:
        project = ProjectFolder(tmp_path / "project", postgresql_url)
        project.migration("D001", f"raise ValueError({text})")
        password = make_url(postgresql_url).password
        assert password

        seen = _everything(project, "upgrade", "show D001", "runs") + _on_record(project)

        assert "ValueError: " in seen
        assert _leaks(seen, password) == []

    def test_urls_of_other_databases_are_masked_by_their_form(self, project: ProjectFolder) -> None:
        project.migration(
            "D001", "raise ValueError('no answer from mysql://ann:tiger-lily@source/x')"
        )

        seen = _everything(project, "upgrade", "show D001", "runs") + _on_record(project)

        assert "no answer from mysql://ann:***@source/x" in seen
        # The line of source in the traceback holds it, where anybody may read it anyway.
        assert "mysql://ann:***@source/x')\n" in seen
        assert _leaks(seen, "tiger-lily") == []


class TestValues:
    INSERT = (
        "conn.execute(text('INSERT INTO person VALUES (:name, :age)'), {'name': 'Ann', 'age': 7})"
    )

    def _twice(self, project: ProjectFolder) -> str:
        """All that is seen of a migration that inserts the same person twice."""
        project.migration("D001", f"{self.INSERT}\n" * 2, head="from sqlalchemy import text")
        return _everything(project) + _on_record(project)

    def test_parameters_and_what_the_server_adds_are_kept_quiet(
        self, anywhere: ProjectFolder, backend: Backend
    ) -> None:
        seen = self._twice(anywhere)

        assert "IntegrityError" in seen
        assert "[SQL parameters hidden due to hide_parameters=True]" in seen
        assert "DETAIL" not in seen
        told = [line for line in seen.splitlines() if "Ann" in line and "conn.execute" not in line]
        if (
            backend.name == "mariadb"
        ):  # the server's own message: what is wrong cannot be said without
            assert all("Duplicate entry 'Ann' for key" in line for line in told)
        else:
            assert told == []

    def test_they_are_shown_to_who_asks(self, anywhere: ProjectFolder, backend: Backend) -> None:
        anywhere.configure(hide_parameters="false")

        seen = self._twice(anywhere)

        assert (
            "[parameters: {'name': 'Ann', 'age': 7}]" in seen or "[parameters: ('Ann', 7)]" in seen
        )
        assert ("DETAIL:  Key (name)=(Ann) already exists." in seen) == (
            backend.name == "postgresql"
        )

    @pytest.fixture
    def people(self, postgresql_url: str, tmp_path: Path) -> ProjectFolder:
        project = ProjectFolder(tmp_path / "project", postgresql_url)
        project.execute(
            "CREATE TABLE person (name VARCHAR(50) PRIMARY KEY, age INTEGER)",
            "CREATE TABLE pet (owner VARCHAR(50) REFERENCES person DEFERRABLE INITIALLY DEFERRED)",
        )
        return project

    COPY = (
        "with conn.connection.driver_connection.cursor().copy('COPY person FROM STDIN') as copy:\n"
        "    for name in ['Ann', 'Ann']: copy.write_row((name, 7))"
    )

    def test_a_copy_past_sqlalchemy_is_held_to_the_same(self, people: ProjectFolder) -> None:
        people.migration("D001", self.COPY)

        seen = _everything(people) + _on_record(people)

        assert 'duplicate key value violates unique constraint "person_pkey"' in seen
        assert "DETAIL" not in seen
        assert "CONTEXT:  COPY person, line 2\n" in seen

    @pytest.mark.parametrize(
        ("line", "place"),
        [
            ("'S' * 51 + '\\t7'", "COPY person, line 1, column name"),
            ("'SSS\\tten'", "COPY person, line 1, column age"),
            ("'SSS'", "COPY person, line 1"),
            ("'SSS: a\\t7\\t8'", "COPY person, line 1"),
        ],
    )
    def test_a_copy_that_fails_names_its_place_and_not_the_value(
        self, people: ProjectFolder, line: str, place: str
    ) -> None:
        people.migration(
            "D001",
            "with conn.connection.cursor().copy('COPY person FROM STDIN') as copy:\n"
            f"    copy.write({line} + '\\n')",
        )

        seen = _everything(people) + _on_record(people)

        assert f"CONTEXT:  {place}\n" in seen
        assert "SSS" not in seen.replace(line, "")

    def test_a_commit_that_fails_is_held_to_the_same(self, people: ProjectFolder) -> None:
        people.migration("D001", """conn.exec_driver_sql("INSERT INTO pet VALUES ('Ann')")""")

        seen = _everything(people) + _on_record(people)

        assert "D001 failed in commit: IntegrityError: " in seen
        assert "violates foreign key constraint" in seen
        assert "DETAIL" not in seen

    def test_the_hint_of_the_server_stays(self, people: ProjectFolder) -> None:
        people.migration("D001", "conn.exec_driver_sql('SELECT nam FROM person')")

        seen = _everything(people) + _on_record(people)

        assert 'column "nam" does not exist\nHINT:  Perhaps you meant to reference' in seen

    def test_a_migration_that_reads_the_details_still_finds_them(
        self, people: ProjectFolder
    ) -> None:
        people.migration(
            "D001",
            "nested = conn.begin_nested()\n"
            f"try:\n    {self.INSERT}\n    {self.INSERT}\n"
            "except IntegrityError as error:\n"
            "    assert 'Ann' in error.orig.diag.message_detail\n"
            "    nested.rollback()",
            head="from sqlalchemy import text\nfrom sqlalchemy.exc import IntegrityError",
        )

        assert run("upgrade", cwd=people.root).exit_code == 0
