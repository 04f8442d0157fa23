"""Data migrations that need Alembic's schema revisions, with real Alembic projects."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Engine, event, inspect

from delembic import Config, commands
from delembic.errors import (
    ConfigurationError,
    DependencyNotInstalledError,
    SchemaNotReadyError,
    UnknownDependencyError,
)
from support.projects import ProjectFolder
from support.servers.backend import Backend

ENV = """
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine({url!r}, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""

SCRIPT = """
'''What {revision} does.'''

from pathlib import Path
from alembic import op

revision = {revision!r}
down_revision = {down_revision!r}
depends_on = {depends_on!r}

with Path(__file__).with_suffix(".executed").open("a") as log:
    log.write("x")

def upgrade():
    op.execute("CREATE TABLE {revision} (x INTEGER)")
"""


class SchemaProject(ProjectFolder):
    """A delembic project beside an Alembic project, whose scripts are S001 and S002."""

    def __init__(self, root: Path, url: str) -> None:
        super().__init__(root, url)
        self.configure(alembic_config="alembic.ini")
        self.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
        self.write("schema/env.py", ENV.format(url=url))
        self.script("S001", None)
        self.script("S002", "S001")

    def script(
        self, revision: str, down_revision: str | None, depends_on: str | None = None
    ) -> None:
        source = SCRIPT.format(
            revision=revision, down_revision=down_revision, depends_on=depends_on
        )
        self.write(f"schema/versions/{revision}.py", source)

    def upgrade_schema(self, target: str) -> None:
        command.upgrade(AlembicConfig(self.root / "alembic.ini"), target)

    def tables(self) -> list[str]:
        with self.connection() as conn:
            return sorted(name.lower() for name in inspect(conn).get_table_names())


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> SchemaProject:
    return SchemaProject(tmp_path / "project", backend.url)


@pytest.fixture
def sqlite_project(sqlite_url: str, tmp_path: Path) -> SchemaProject:
    return SchemaProject(tmp_path / "project", sqlite_url)


@contextmanager
def _statements() -> Iterator[list[str]]:
    """Collect every statement of this process."""
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class TestUpgrade:
    def test_it_stops_before_anything_is_run_and_names_the_command_to_run(
        self, project: SchemaProject
    ) -> None:
        project.migration("D001")
        project.migration("D002", depends_on=("D001", "S002"))
        project.upgrade_schema("S001")

        with pytest.raises(SchemaNotReadyError) as caught:
            project.upgrade()

        assert str(caught.value) == (
            "Nothing was run, because Alembic revisions are not applied:\n"
            "  S002, needed by D002\n"
            f"Run: alembic -c {project.root}/alembic.ini upgrade S002"
        )
        assert project.events == []
        assert project.tables() == ["alembic_version", "s001"]

    def test_on_a_database_that_alembic_has_never_seen_it_stops_too(
        self, project: SchemaProject
    ) -> None:
        project.migration("D001", depends_on=("S001",))
        project.migration("D002", depends_on=("S002", "S001"))

        with pytest.raises(SchemaNotReadyError) as caught:
            project.upgrade()

        assert dict(caught.value.missing) == {"S001": ("D001", "D002"), "S002": ("D002",)}
        assert caught.value.remedy == f"Run: alembic -c {project.root}/alembic.ini upgrade heads"
        assert project.tables() == []

    def test_a_table_of_another_name_is_read_if_the_ini_names_it(
        self, project: SchemaProject
    ) -> None:
        ini = project.root / "alembic.ini"
        ini.write_text(f"{ini.read_text()}version_table = schema_version\n")
        env = project.root / "schema" / "env.py"
        named = "version_table=context.config.get_main_option('version_table')"
        env.write_text(env.read_text().replace("=connection)", f"=connection, {named})"))
        project.migration("D001", depends_on=("S001",))
        project.upgrade_schema("S001")

        project.upgrade()

        assert project.states() == {"D001": "applied"}
        assert "alembic_version" not in project.tables()

    def test_it_runs_once_the_schema_is_there(self, project: SchemaProject) -> None:
        project.migration(
            "D001", "conn.exec_driver_sql('INSERT INTO S002 VALUES (1)')", depends_on=("S002",)
        )
        project.upgrade_schema("S002")

        project.upgrade()

        assert project.value("SELECT count(*) FROM S002") == 1

    def test_a_descendant_of_what_is_needed_will_do(self, project: SchemaProject) -> None:
        project.migration("D001", depends_on=("S001",))
        project.upgrade_schema("S002")

        project.upgrade()

        assert project.states() == {"D001": "applied"}

    def test_only_what_the_target_needs_is_asked_for(self, project: SchemaProject) -> None:
        project.migration("D001", depends_on=("S001",))
        project.migration("D002", depends_on=("S002",))
        project.upgrade_schema("S001")

        project.upgrade("D001")

        assert project.states() == {"D001": "applied", "D002": "blocked"}

    def test_the_database_and_the_scripts_are_read_once_for_the_whole_plan(
        self, project: SchemaProject
    ) -> None:
        for number in range(5):
            project.migration(f"D00{number}", depends_on=("S001", "S002"))
        project.upgrade_schema("S002")
        executed = project.root / "schema" / "versions" / "S001.executed"
        executed.unlink()

        with _statements() as statements:
            project.upgrade()

        reads = [each for each in statements if "FROM alembic_version" in each]
        assert len(reads) == 1
        assert executed.read_text() == "x"

    def test_a_single_migration_is_held_to_the_same(self, project: SchemaProject) -> None:
        project.migration("D001", depends_on=("S001",))

        with pytest.raises(SchemaNotReadyError):
            project.apply("D001")

        assert project.tables() == []

    def test_on_two_branches_both_heads_count(self, sqlite_project: SchemaProject) -> None:
        sqlite_project.script("X001", None)
        sqlite_project.migration("D001", depends_on=("S002", "X001"))
        sqlite_project.upgrade_schema("heads")

        sqlite_project.upgrade()

        assert sqlite_project.states() == {"D001": "applied"}

    def test_what_a_head_of_alembics_depends_on_in_another_branch_counts(
        self, sqlite_project: SchemaProject
    ) -> None:
        sqlite_project.script("X001", None, depends_on="S002")
        sqlite_project.migration("D001", depends_on=("S001", "S002"))
        sqlite_project.upgrade_schema("X001")
        assert sqlite_project.value("SELECT version_num FROM alembic_version") == "X001"

        sqlite_project.upgrade()

        assert sqlite_project.states() == {"D001": "applied"}

    def test_where_no_migration_needs_the_schema_alembic_is_left_alone(
        self, sqlite_project: SchemaProject
    ) -> None:
        sqlite_project.configure(alembic_config="nowhere.ini")
        sqlite_project.migration("D001")

        sqlite_project.upgrade()

        assert sqlite_project.states() == {"D001": "applied"}

    def test_what_is_applied_needs_its_schema_no_more(self, sqlite_project: SchemaProject) -> None:
        sqlite_project.migration("D001", depends_on=("S001",))
        sqlite_project.upgrade_schema("S001")
        sqlite_project.upgrade()
        sqlite_project.configure(alembic_config="nowhere.ini")
        sqlite_project.migration("D002", depends_on=("D001",))

        sqlite_project.upgrade()

        assert sqlite_project.states() == {"D001": "applied", "D002": "applied"}


class TestHistory:
    def test_what_waits_for_the_schema_is_blocked_by_it(self, project: SchemaProject) -> None:
        project.migration("D001")
        project.migration("D002", depends_on=("D001", "S001", "S002"))
        project.upgrade_schema("S001")

        entries = {entry.revision: entry for entry in commands.history(project.config)}

        assert entries["D001"].state == "pending"
        assert entries["D002"].state == "blocked"
        assert entries["D002"].waits_for == ("S002",)


class TestAppliedSchema:
    def test_all_that_is_applied_is_told_with_alembics_messages(
        self, project: SchemaProject
    ) -> None:
        project.upgrade_schema("S002")

        assert commands.applied_schema(project.config) == {
            "S001": "What S001 does.",
            "S002": "What S002 does.",
        }

    def test_nothing_is_told_of_a_database_that_alembic_has_never_seen(
        self, project: SchemaProject
    ) -> None:
        assert commands.applied_schema(project.config) == {}
        assert project.tables() == []

    def test_without_alembic_the_database_is_not_opened(self, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:1/nowhere")

        assert commands.applied_schema(project.config) == {}


class TestFaults:
    def test_a_name_that_is_neither_is_told_with_the_nearest(
        self, sqlite_project: SchemaProject
    ) -> None:
        path = sqlite_project.migration("D001", depends_on=("S0002",))
        sqlite_project.upgrade_schema("S002")

        with pytest.raises(UnknownDependencyError) as caught:
            sqlite_project.upgrade()

        assert str(caught.value) == (
            f"{path}: D001 depends on 'S0002', which is neither a delembic nor an Alembic"
            f" revision. Did you mean 'S002'?\n"
            "Correct depends_on."
        )
        assert "delembic_version" not in sqlite_project.tables()

    def test_without_alembic_every_foreign_name_is_unknown(
        self, sqlite_project: SchemaProject
    ) -> None:
        sqlite_project.configure()
        path = sqlite_project.migration("D001", depends_on=("S001",))

        with pytest.raises(UnknownDependencyError) as caught:
            sqlite_project.upgrade()

        assert str(caught.value) == (
            f"{path}: D001 depends on 'S001', which is not a revision. Did you mean 'D001'?\n"
            "Correct depends_on, or set alembic_config if it is an Alembic revision."
        )

    def test_an_ini_that_does_not_exist_is_told(self, sqlite_project: SchemaProject) -> None:
        sqlite_project.configure(alembic_config="nowhere.ini")
        sqlite_project.migration("D001", depends_on=("S001",))

        with pytest.raises(ConfigurationError) as caught:
            sqlite_project.upgrade()

        assert str(caught.value) == (
            f"{sqlite_project.root}/nowhere.ini does not exist.\n"
            "Correct alembic_config in delembic.ini."
        )

    @pytest.mark.parametrize(
        ("file", "content", "reason"),
        [
            ("alembic.ini", "no section", "MissingSectionHeaderError: File contains no section"),
            ("alembic.ini", "[alembic]\n", "CommandError: No 'script_location' key"),
            ("schema/versions/S002.py", "import long_gone", "ModuleNotFoundError: No module named"),
            (
                "schema/versions/S002.py",
                "revision = 'S002'; down_revision = 'S009'",
                "KeyError: 'S009'",
            ),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Revision S009 referenced")
    def test_what_alembic_cannot_read_is_told(
        self, sqlite_project: SchemaProject, file: str, content: str, reason: str
    ) -> None:
        sqlite_project.write(file, content)
        sqlite_project.migration("D001", depends_on=("S001",))

        with pytest.raises(ConfigurationError) as caught:
            sqlite_project.upgrade()

        ini = sqlite_project.root / "alembic.ini"
        assert caught.value.message.startswith(
            f"Alembic cannot read {ini} and its scripts: {reason}"
        )
        assert caught.value.remedy == f"Check the output of 'alembic -c {ini} history'."

    @pytest.mark.parametrize(
        "ask",
        [
            commands.history,
            commands.current,
            lambda config: commands.show(config, "D001"),
            commands.upgrade,
            lambda config: commands.apply(config, "D001"),
        ],
        ids=["history", "current", "show", "upgrade", "apply"],
    )
    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ("import long_gone", "ModuleNotFoundError: No module named 'long_gone'"),
            ("def", "SyntaxError: "),
            ("raise SystemExit('no')", "SystemExit: no"),
            ("revision = 'S002'; down_revision = 'S002'", "CommandError: Self-loop is detected"),
        ],
        ids=["import", "syntax", "exit", "loop"],
    )
    @pytest.mark.parametrize("schema", ["S001", None], ids=["a known schema", "no schema"])
    def test_a_script_that_cannot_be_read_is_told_whoever_asks(
        self,
        sqlite_project: SchemaProject,
        ask: Callable[[Config], object],
        fault: str,
        reason: str,
        schema: str | None,
    ) -> None:
        sqlite_project.migration("D001", depends_on=("S001",))
        if schema:
            sqlite_project.upgrade_schema(schema)
        sqlite_project.write("schema/versions/S002.py", fault)

        with pytest.raises(ConfigurationError) as caught:
            ask(sqlite_project.config)

        ini = sqlite_project.root / "alembic.ini"
        assert caught.value.message.startswith(
            f"Alembic cannot read {ini} and its scripts: {reason}"
        )

    def test_a_database_that_is_ahead_of_the_scripts_is_told(
        self, sqlite_project: SchemaProject
    ) -> None:
        sqlite_project.migration("D001", depends_on=("S001",))
        sqlite_project.upgrade_schema("S002")
        (sqlite_project.root / "schema" / "versions" / "S002.py").unlink()

        with pytest.raises(ConfigurationError) as caught:
            sqlite_project.upgrade()

        assert caught.value.message == (
            "The database is at Alembic revision S002, which the scripts of"
            f" {sqlite_project.root}/alembic.ini do not contain: No such revision or branch 'S002'"
        )
        assert caught.value.remedy == "Run delembic from a checkout that contains that revision."

    def test_alembic_that_is_not_installed_is_told_with_the_command_that_installs_it(
        self, sqlite_project: SchemaProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sqlite_project.migration("D001", depends_on=("S001",))
        for name in [name for name in sys.modules if name.startswith("alembic")]:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, "delembic.schema.alembic", raising=False)

        with pytest.raises(DependencyNotInstalledError) as caught:
            sqlite_project.upgrade()

        assert str(caught.value) == (
            "alembic_config needs the package alembic, which is not installed.\n"
            "Install it: pip install 'delembic[alembic]'"
        )


class TestSections:
    @pytest.fixture
    def config(self, sqlite_project: SchemaProject) -> Config:
        """The section ``[reports]`` of an ini with two databases."""
        path = sqlite_project.root / "delembic.ini"
        section = path.read_text().replace("[delembic]", "[reports]")
        path.write_text(f"{path.read_text()}\n{section}")
        sqlite_project.migration("D001", depends_on=("R001",))
        return Config.load(path, "reports")

    def test_alembics_section_of_that_name_is_used_if_there_is_one(
        self, sqlite_project: SchemaProject, config: Config
    ) -> None:
        sqlite_project.write(
            "alembic.ini",
            "[alembic]\nscript_location = %(here)s/schema\n"
            "[reports]\nscript_location = %(here)s/reports\n",
        )
        source = SCRIPT.format(revision="R001", down_revision=None, depends_on=None)
        sqlite_project.write("reports/versions/R001.py", source)
        sqlite_project.write("reports/env.py", ENV.format(url=sqlite_project.url))

        with pytest.raises(SchemaNotReadyError) as caught:
            commands.upgrade(config)

        assert list(caught.value.missing) == ["R001"]

    def test_else_the_usual_one_is(self, sqlite_project: SchemaProject, config: Config) -> None:
        sqlite_project.script("R001", "S002")
        sqlite_project.upgrade_schema("head")

        (outcome,) = commands.upgrade(config)

        assert outcome.revision == "D001"


class TestNewRevision:
    def test_the_databases_heads_are_written_into_it(self, project: SchemaProject) -> None:
        project.script("X001", None)
        project.upgrade_schema("S001")
        project.upgrade_schema("X001")
        project.migration("D001")

        new = commands.revision(project.config, "load", ["D001"])

        assert new.schema_heads == ("S001", "X001")
        assert new.depends_on == ("D001", "S001", "X001")
        assert new.warning is None
        assert '    depends_on = ["D001", "S001", "X001"]\n' in new.path.read_text()

    def test_a_database_that_alembic_has_never_seen_has_none(self, project: SchemaProject) -> None:
        new = commands.revision(project.config, "load")

        assert (new.schema_heads, new.warning) == ((), None)
        assert project.tables() == []

    @pytest.mark.parametrize(
        "url",
        ["sqlite:///nowhere/a.db", "postgresql+psycopg://ann:secret@127.0.0.1:1/x"],
    )
    def test_a_database_that_cannot_be_reached_is_warned_about(
        self, tmp_path: Path, url: str
    ) -> None:
        project = SchemaProject(tmp_path / "project", url)

        new = commands.revision(project.config, "load")

        assert (new.schema_heads, new.depends_on) == ((), ())
        assert new.warning is not None
        assert new.warning.startswith("Cannot connect to ")
        assert "secret" not in new.warning
        assert new.path.is_file()
