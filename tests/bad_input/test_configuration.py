"""A configuration that is malformed: each fault is told with the setting, and nothing is run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from delembic.config import LOCK_KINDS
from support.projects import ProjectFolder
from support.refusals import nothing_was_run, refusal, skip_if_root
from support.shell import Ran, run

URL = "Error: delembic.ini, [delembic] sqlalchemy.url: "
USUAL = (
    "Use postgresql+psycopg:// for PostgreSQL, mysql+pymysql:// for MySQL and MariaDB, or"
    " sqlite:/// for SQLite. Another database needs the package of its dialect.\n"
)
ENV_REMEDY = "Correct delembic/env.py; on the command line, --debug shows the traceback.\n"


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """A project with a migration that is pending."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001", "conn.exec_driver_sql('CREATE TABLE t (x INTEGER)')")
    return project


@pytest.fixture
def without_url(tmp_path: Path) -> ProjectFolder:
    """A project that leaves the database to ``env.py``."""
    project = ProjectFolder(tmp_path / "project", "")
    project.migration("D001")
    project.url = f"sqlite:///{tmp_path / 'test.sqlite'}"
    return project


def _ini(project: ProjectFolder, content: str | bytes) -> None:
    content = content if isinstance(content, bytes) else content.encode()
    (project.root / "delembic.ini").write_bytes(content)


def _set_url(project: ProjectFolder, url: str) -> None:
    _ini(project, f"[delembic]\nsqlalchemy.url = {url}\n")


class TestIni:
    def test_one_that_is_not_there_is_told(self, project: ProjectFolder) -> None:
        (project.root / "delembic.ini").unlink()

        assert refusal(project) == (
            f"Error: There is no delembic.ini in {project.root} or in a folder above it.\n"
            "Run 'delembic init' to start a project, or name the file with -c/--config or"
            " DELEMBIC_CONFIG.\n"
        )

    def test_one_that_is_named_and_not_there_is_told(self, project: ProjectFolder) -> None:
        assert refusal(project, "-c", "nowhere.ini", "upgrade") == (
            "Error: nowhere.ini does not exist.\n"
            "Correct the path (on the command line: -c/--config or DELEMBIC_CONFIG), or start a"
            " project with 'delembic init'.\n"
        )

    def test_a_section_that_is_not_there_is_told(self, project: ProjectFolder) -> None:
        assert refusal(project, "-n", "archive", "upgrade") == (
            "Error: delembic.ini has no section [archive]; it has [delembic].\n"
            "Add the section, or choose another (on the command line with -n/--name).\n"
        )

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            ("sqlalchemy.url = sqlite://\n", "line 1 comes before any [section]"),
            ("[delembic\n", "line 1 comes before any [section]"),
            ("[delembic]\nlock\n", "line 2 is neither a [section] nor 'key = value'"),
            ("[delembic]\nlock = file\nlock = none\n", "line 3 sets lock of [delembic] again"),
            ("[delembic]\n[x]\n[delembic]\n", "line 3 begins [delembic] again"),
            (b"[delembic]\nlock = \xff\n", "it is not in UTF-8"),
            ("[delembic]\n".encode("utf-16"), "it is not in UTF-8"),
        ],
        ids=[
            "no section",
            "half a section",
            "no value",
            "key twice",
            "section twice",
            "byte",
            "16",
        ],
    )
    def test_one_that_does_not_parse_is_told_with_the_line(
        self, project: ProjectFolder, content: str | bytes, fault: str
    ) -> None:
        _ini(project, content)

        assert refusal(project) == (
            f"Error: delembic.ini cannot be read: {fault}.\n"
            "Correct the file; it must be an ini file in UTF-8.\n"
        )

    def test_a_folder_in_its_place_is_told(self, project: ProjectFolder) -> None:
        assert refusal(project, "-c", "delembic", "upgrade") == (
            "Error: delembic cannot be read: Is a directory.\n"
            "Correct the file; it must be an ini file in UTF-8.\n"
        )

    def test_one_that_may_not_be_read_is_told(self, project: ProjectFolder) -> None:
        skip_if_root()
        (project.root / "delembic.ini").chmod(0)

        assert "delembic.ini cannot be read: Permission denied." in refusal(project)

    def test_an_unknown_key_is_a_warning_with_the_nearest_and_hinders_nothing(
        self, project: ProjectFolder
    ) -> None:
        project.configure(metadata_ulr="x", zebra="y")

        ran = run("upgrade", cwd=project.root)

        assert ran.exit_code == 0
        assert ran.err == (
            "Warning: delembic.ini, [delembic]: unknown setting 'metadata_ulr'. Did you mean"
            " 'metadata_url'?\n"
            "Warning: delembic.ini, [delembic]: unknown setting 'zebra'.\n"
        )

    @pytest.mark.parametrize(
        ("name", "value", "fault"),
        [
            ("hide_parameters", "perhaps", "'perhaps' is neither true nor false.\n"),
            ("lock_timeout", "soon", "'soon' is not a number of seconds.\n"),
            ("lock_timeout", "-1", "-1 is not a valid time to wait.\n0 gives up at once.\n"),
            ("lock_timeout", "nan", "nan is not a valid time to wait.\n0 gives up at once.\n"),
            ("metadata_url", "nonsense", "is not a database URL.\n"),
            (
                "metadata_url",
                "${NO_SUCH_VARIABLE}",
                "the environment variable NO_SUCH_VARIABLE is not set.\n"
                "Set it: export NO_SUCH_VARIABLE=…\n",
            ),
        ],
    )
    def test_a_value_that_means_nothing_is_told(
        self, project: ProjectFolder, name: str, value: str, fault: str
    ) -> None:
        project.configure(**{name: value})

        assert refusal(project).startswith(f"Error: delembic.ini, [delembic] {name}: {fault}")

    def test_an_unknown_kind_of_lock_is_told(self, project: ProjectFolder) -> None:
        project.configure(lock="maybe")

        assert refusal(project) == (
            "Error: delembic.ini, [delembic] lock: 'maybe' is not one of"
            f" {', '.join(LOCK_KINDS)}.\n"
        )

    @pytest.mark.parametrize("command", ["upgrade", "current", "history"])
    def test_a_folder_that_is_not_there_is_told_with_what_makes_it(
        self, project: ProjectFolder, command: str
    ) -> None:
        _ini(project, "[delembic]\nscript_location = data\n")

        assert refusal(project, command) == (
            "Error: delembic.ini, [delembic] script_location: there is no folder data/versions.\n"
            "Correct the setting, or create the folder: mkdir -p data/versions\n"
        )


class TestUrl:
    def test_one_that_is_missing_is_told(self, project: ProjectFolder) -> None:
        _ini(project, "[delembic]\n")

        assert refusal(project) == (
            f"{URL}is not set.\nSet it, or define get_engine() in delembic/env.py.\n"
        )

    @pytest.mark.parametrize(
        "url",
        [
            "nonsense",
            "sqlite:/data.db",
            "postgresql://ann:tiger@db:port/x",
            "postgresql://ann:ti@ger@db/x",
            "postgresql://ann:ti@ger/word@db/x",
            "://",
        ],
    )
    def test_one_that_does_not_parse_is_told(self, project: ProjectFolder, url: str) -> None:
        _set_url(project, url)

        assert refusal(project) == (
            f"{URL}is not a database URL.\n"
            "Write it as DIALECT+DRIVER://USER:PASSWORD@HOST:PORT/DATABASE, with special characters"
            " in the password percent-encoded.\n"
        )

    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("postgres://db/x", "postgres"),
            ("postgresql+psycopg5://db/x", "postgresql+psycopg5"),
            ("mongodb://db", "mongodb"),
        ],
    )
    def test_an_unknown_kind_of_database_is_told_with_the_usual_ones(
        self, project: ProjectFolder, url: str, name: str
    ) -> None:
        _set_url(project, url)

        assert refusal(project) == f"{URL}SQLAlchemy does not know the database {name!r}.\n{USUAL}"

    @pytest.mark.parametrize("comment", ["# the shop", "#", "; the shop"])
    def test_a_comment_behind_one_is_told_and_makes_no_file(
        self, project: ProjectFolder, comment: str
    ) -> None:
        _set_url(project, f"sqlite:///shop.db  {comment}")

        assert refusal(project) == (
            f"{URL}is followed by a comment, which an ini file treats as part of the value.\n"
            "Put the comment on a line of its own.\n"
        )
        assert list(project.root.glob("shop*")) == []

    def test_a_driver_without_blocking_calls_is_told(self, project: ProjectFolder) -> None:
        _set_url(project, "mssql+aioodbc://db/x")

        assert refusal(project) == (
            f"{URL}mssql+aioodbc is asynchronous.\nChoose another driver. {USUAL}"
        )

    @pytest.mark.parametrize(
        ("url", "module", "package", "install"),
        [
            ("postgresql+psycopg://db/x", "psycopg", "psycopg", "'delembic[postgresql]'"),
            ("postgresql+psycopg2://db/x", "psycopg2", "psycopg2-binary", "psycopg2-binary"),
            ("mysql+pymysql://db/x", "pymysql", "pymysql", "'delembic[mysql]'"),
            (
                "mysql://db/x",
                "MySQLdb",
                "mysqlclient",
                "mysqlclient\nOr write mysql+pymysql://, whose driver is in 'delembic[mysql]'.",
            ),
        ],
    )
    def test_a_driver_that_is_not_installed_is_told_with_what_installs_it(
        self,
        project: ProjectFolder,
        monkeypatch: pytest.MonkeyPatch,
        url: str,
        module: str,
        package: str,
        install: str,
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        _set_url(project, url)

        scheme = url.partition("/")[0]
        assert refusal(project) == (
            f"Error: {scheme}// needs the package {package}, which is not installed.\n"
            f"Install it: pip install {install}\n"
        )

    def test_a_driver_that_does_not_work_is_told(
        self, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """As psycopg is without its library."""
        broken = tmp_path / "broken"
        project.write(str(broken / "pymysql.py"), "raise ImportError('no wrapper available')")
        monkeypatch.syspath_prepend(broken)
        monkeypatch.delitem(sys.modules, "pymysql", raising=False)
        _set_url(project, "mysql+pymysql://db/x")

        assert refusal(project) == (
            f"{URL}cannot be used: ImportError: no wrapper available.\n{USUAL}"
        )

    @pytest.mark.parametrize(
        "url", ["postgresql+psycopg://ann@127.0.0.1:1/x", "mysql+pymysql://ann@127.0.0.1:1/x"]
    )
    def test_a_server_that_does_not_answer_is_told(self, project: ProjectFolder, url: str) -> None:
        _set_url(project, url)

        message = refusal(project)

        assert message.startswith(f"Error: Cannot connect to {url}: ")
        assert "efused" in message
        assert message.endswith(
            "\nCheck that the server runs, and check the address, name and password in the URL.\n"
        )

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("sqlite:///nowhere/a.db", "unable to open database file"),
            ("postgresql+psycopg://127.0.0.1/x?colour=red", 'invalid connection option "colour"'),
            ("mysql+pymysql://127.0.0.1/x?colour=red", "TypeError: "),
            (f"mysql+pymysql://{'a' * 70}/x", ""),
        ],
    )
    def test_one_that_the_driver_refuses_is_told_with_its_reason(
        self, project: ProjectFolder, url: str, reason: str
    ) -> None:
        _set_url(project, url)

        message = refusal(project)

        assert message.startswith(f"Error: Cannot connect to {url.partition(':')[0]}://")
        assert reason in message


class TestEnvPy:
    def test_a_variable_that_is_empty_is_named(
        self, without_url: ProjectFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHOP_URL", "")
        without_url.write("delembic/env.py", "")
        _set_url(without_url, "${SHOP_URL}")

        assert refusal(without_url) == (
            f"{URL}${{SHOP_URL}} is empty, and delembic/env.py has no get_engine().\n"
            "Set it, or define get_engine().\n"
        )

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (
                "",
                f"{URL}is not set, and delembic/env.py has no get_engine().\n"
                "Set it, or define get_engine().\n",
            ),
            (
                "import long_gone",
                "Error: delembic/env.py cannot be imported: ModuleNotFoundError: No module named"
                f" 'long_gone'\n{ENV_REMEDY}",
            ),
            (
                "def get_engine(:",
                "Error: delembic/env.py cannot be imported: SyntaxError: invalid syntax (env.py,"
                f" line 1)\n{ENV_REMEDY}",
            ),
            (
                "raise SystemExit(0)",
                f"Error: delembic/env.py cannot be imported: SystemExit: 0\n{ENV_REMEDY}",
            ),
            (
                "def get_engine():\n    raise KeyError('DB_HOST')",
                f"Error: get_engine() in delembic/env.py failed: KeyError: 'DB_HOST'\n{ENV_REMEDY}",
            ),
            (
                "def get_engine(url):\n    pass",
                "Error: get_engine() in delembic/env.py failed: TypeError: get_engine() missing 1"
                f" required positional argument: 'url'\n{ENV_REMEDY}",
            ),
            (
                "get_engine = 'sqlite://'",
                "Error: get_engine() in delembic/env.py failed: TypeError: 'str' object is not"
                f" callable\n{ENV_REMEDY}",
            ),
            *[
                (
                    f"def get_engine():\n    {body}",
                    f"Error: get_engine() in delembic/env.py returned {kind}, not an Engine.\n"
                    "Return the result of sqlalchemy.create_engine(…).\n",
                )
                for body, kind in [
                    ("pass", "NoneType"),
                    ("return 'sqlite://'", "str"),
                    ("yield", "generator"),
                ]
            ],
        ],
    )
    def test_what_is_wrong_with_it_is_told(
        self, without_url: ProjectFolder, source: str, message: str
    ) -> None:
        without_url.write("delembic/env.py", source)

        assert refusal(without_url) == message

    def test_bytes_that_are_no_text_are_told(self, without_url: ProjectFolder) -> None:
        (without_url.root / "delembic" / "env.py").write_bytes(b"x = '\xff'")

        assert refusal(without_url).startswith(
            "Error: delembic/env.py cannot be imported: SyntaxError: (unicode error)"
        )

    def test_what_its_engine_raises_when_it_connects_is_told(
        self, without_url: ProjectFolder
    ) -> None:
        without_url.write(
            "delembic/env.py",
            """
            from sqlalchemy import create_engine
            def token():
                raise LookupError("no token for you")
            def get_engine():
                return create_engine("postgresql+psycopg://ann@db/x", creator=token)
            """,
        )

        assert refusal(without_url) == (
            "Error: Cannot connect to postgresql+psycopg://ann@db/x: LookupError: no token for"
            " you\n"
            "Check that the server runs, and check the address, name and password in the URL.\n"
        )


class TestAlembicConfig:
    @pytest.fixture
    def project(self, project: ProjectFolder) -> ProjectFolder:
        """A project with a migration that waits for a schema revision."""
        project.configure(alembic_config="schema.ini")
        project.migration("D002", depends_on=("S001",))
        return project

    def test_one_that_is_not_there_is_told(self, project: ProjectFolder) -> None:
        assert refusal(project) == (
            "Error: schema.ini does not exist.\nCorrect alembic_config in delembic.ini.\n"
        )

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("script_location = schema\n", "MissingSectionHeaderError: File contains no section"),
            ("[alembic]\n", "CommandError: No 'script_location' key"),
            ("[alembic]\nscript_location = nowhere\n", "CommandError: Path doesn't exist"),
            ("[alembic]\nscript_location = %(nowhere)s\n", "InterpolationMissingOptionError: "),
            ("[alembic]\nx = 1\nx = 2\n", "DuplicateOptionError: "),
            (b"[alembic]\nx = \xff\n", "UnicodeDecodeError: "),
        ],
    )
    def test_one_that_alembic_cannot_read_is_told(
        self, project: ProjectFolder, content: str | bytes, reason: str
    ) -> None:
        content = content if isinstance(content, bytes) else content.encode()
        (project.root / "schema.ini").write_bytes(content)

        message = refusal(project)

        assert message.startswith(
            f"Error: Alembic cannot read schema.ini and its scripts: {reason}"
        )
        assert message.endswith("\nCheck the output of 'alembic -c schema.ini history'.\n")

    def test_what_needs_no_schema_is_not_hindered(self, project: ProjectFolder) -> None:
        assert run("upgrade", "D001", cwd=project.root).exit_code == 0

    def test_schema_revisions_that_are_missing_block_with_code_1(
        self, project: ProjectFolder
    ) -> None:
        project.write("schema.ini", "[alembic]\nscript_location = %(here)s/schema\n")
        project.write("schema/versions/S001.py", "revision = 'S001'; down_revision = None")

        assert run("upgrade", cwd=project.root) == Ran(
            1,
            "",
            "Error: Nothing was run, because Alembic revisions are not applied:\n"
            "  S001, needed by D002\n"
            "Run: alembic -c schema.ini upgrade S001\n",
        )
        assert nothing_was_run(project)
