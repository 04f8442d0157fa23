"""New files from templates."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from delembic import Config, commands
from delembic.errors import ConfigurationError, FileExistsAlreadyError, UnknownRevisionError
from delembic.revisions.graph import read_folder
from delembic.revisions.source import load
from delembic.scaffold import next_revision, write_revision
from support.projects import ProjectFolder


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


class TestProject:
    def test_its_files_are_these(self, tmp_path: Path) -> None:
        written = commands.init(tmp_path)

        names = ["delembic.ini", "delembic/env.py", "delembic/versions/.gitkeep"]
        assert [str(path.relative_to(tmp_path)) for path in written] == names
        assert _files(tmp_path) == sorted(names)

    def test_its_ini_says_what_the_documentation_says(self, tmp_path: Path) -> None:
        commands.init(tmp_path)

        config = Config.find(tmp_path)

        assert config.settings == {
            "script_location": "delembic",
            "sqlalchemy.url": "postgresql+psycopg://user:pass@localhost/mydb",
        }
        assert config.warnings == []

    def test_the_folder_may_have_another_name(self, tmp_path: Path) -> None:
        commands.init(tmp_path, "data-migrations")

        assert _files(tmp_path) == [
            "data-migrations/env.py",
            "data-migrations/versions/.gitkeep",
            "delembic.ini",
        ]
        assert Config.find(tmp_path).versions == tmp_path / "data-migrations" / "versions"

    def test_its_env_py_leaves_the_database_to_the_ini(self, tmp_path: Path) -> None:
        commands.init(tmp_path)
        (tmp_path / "delembic.ini").write_text("[delembic]\nscript_location = delembic\n")

        with pytest.raises(ConfigurationError, match=r"env\.py has no get_engine\(\)"):
            commands.dialect_name(Config.find(tmp_path))

    def test_the_example_in_its_env_py_works_once_it_is_no_comment(self, tmp_path: Path) -> None:
        commands.init(tmp_path)
        env = tmp_path / "delembic" / "env.py"
        env.write_text(env.read_text().replace("# ", "").replace("#\n", "\n"))
        (tmp_path / "delembic.ini").write_text("[delembic]\nscript_location = delembic\n")

        assert commands.dialect_name(Config.find(tmp_path)) == "postgresql"

    @pytest.mark.parametrize(
        "present", ["delembic.ini", "delembic/env.py", "delembic/versions/.gitkeep"]
    )
    def test_a_file_that_is_there_is_kept_and_none_is_written(
        self, tmp_path: Path, present: str
    ) -> None:
        path = tmp_path / present
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")

        with pytest.raises(FileExistsAlreadyError) as caught:
            commands.init(tmp_path)

        assert str(caught.value) == (
            f"{path} already exists; nothing was written.\n"
            "Choose another folder, or remove it first to start over."
        )
        assert path.read_text() == "mine"
        assert _files(tmp_path) == [present]

    def test_a_file_in_the_place_of_the_folder_is_kept_and_none_is_written(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "delembic").write_text("mine")

        with pytest.raises(FileExistsAlreadyError) as caught:
            commands.init(tmp_path)

        assert caught.value.path == tmp_path / "delembic"
        assert _files(tmp_path) == ["delembic"]


class TestNumbers:
    @pytest.mark.parametrize(
        ("existing", "expected"),
        [
            ([], "D001"),
            (["D001"], "D002"),
            (["D007", "D003"], "D008"),
            (["D999"], "D1000"),
            (["D1000", "D999"], "D1001"),
            (["hotfix", "D2x", "xD9", "d8"], "D001"),
        ],
    )
    def test_the_next_one_follows_the_highest(self, existing: list[str], expected: str) -> None:
        assert next_revision(existing) == expected


class TestRevision:
    def test_the_file_is_as_the_documentation_shows_it(self, tmp_path: Path) -> None:
        path = write_revision(tmp_path, "D001", "load vocabulary", [])

        assert path == tmp_path / "D001_load_vocabulary.py"
        assert path.read_text() == (
            "from delembic import DataMigration\n"
            "\n"
            "\n"
            "class LoadVocabulary(DataMigration):\n"
            '    revision = "D001"\n'
            "    depends_on = []\n"
            '    description = "load vocabulary"\n'
            "\n"
            "    def upgrade(self, conn):  # conn: an open SQLAlchemy Connection\n"
            "        pass\n"
            "\n"
            "    def validate(self, conn):"
            "  # optional; runs before the commit; an error rolls the work back\n"
            "        pass\n"
        )

    @pytest.mark.parametrize(
        ("message", "file", "class_name", "description"),
        [
            ("Load 2024 data!", "D001_load_2024_data.py", "Load2024Data", "Load 2024 data!"),
            ("2024 data", "D001_2024_data.py", "Migration2024Data", "2024 data"),
            ("none", "D001_none.py", "MigrationNone", "none"),
            ("data migration", "D001_data_migration.py", "MigrationDataMigration", None),
            ("lädt Straßen", "D001_ladt_strassen.py", "LadtStrassen", "lädt Straßen"),
            ("cafe\u0301 №5", "D001_cafe_no5.py", "CafeNo5", "cafe\u0301 №5"),
            ("日本", "D001_migration.py", "Migration", "日本"),
            ('say "hi" \\ ${x}', "D001_say_hi_x.py", "SayHiX", 'say "hi" \\ ${x}'),
            ("two\n  lines", "D001_two_lines.py", "TwoLines", "two lines"),
            ("x" * 200, f"D001_{'x' * 60}.py", f"X{'x' * 199}", "x" * 200),
            ("../../etc/passwd", "D001_etc_passwd.py", "EtcPasswd", "../../etc/passwd"),
        ],
    )
    def test_any_message_gives_a_file_that_can_be_run(
        self,
        tmp_path: Path,
        message: str,
        file: str,
        class_name: str,
        description: str | None,
    ) -> None:
        path = write_revision(tmp_path, "D001", message, ["S001", "it's"])

        (revision,) = read_folder(tmp_path, tmp_path).values()
        assert path.name == file
        assert revision.class_name == class_name
        assert revision.description == (message if description is None else description)
        assert revision.depends_on == ("S001", "it's")
        assert load(revision, tmp_path).revision == "D001"

    @pytest.mark.parametrize("message", ["", " \n "])
    def test_an_empty_message_is_refused(self, tmp_path: Path, message: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            write_revision(tmp_path, "D001", message, [])

        assert str(caught.value) == (
            "The message is empty.\nDescribe what the migration does: -m 'load vocabulary'."
        )
        assert _files(tmp_path) == []

    def test_a_file_that_is_there_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "D001_load.py"
        path.write_text("mine")

        with pytest.raises(FileExistsAlreadyError):
            write_revision(tmp_path, "D001", "load", [])

        assert path.read_text() == "mine"


class TestCommand:
    """`commands.revision` without Alembic; with it, see ``test_schema_revisions.py``."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> ProjectFolder:
        return ProjectFolder(tmp_path / "project", "")

    def test_it_needs_no_database(self, project: ProjectFolder) -> None:
        new = commands.revision(project.config, "load vocabulary")

        assert (new.revision, new.depends_on, new.schema_heads) == ("D001", (), ())
        assert new.warning is None
        assert new.path == project.versions / "D001_load_vocabulary.py"

    def test_it_writes_what_it_is_told_to_wait_for(self, project: ProjectFolder) -> None:
        for revision in ("D001", "D002", "D010"):
            project.migration(revision)

        new = commands.revision(project.config, "load", ["D010", "D002", "D010"])

        assert (new.revision, new.depends_on) == ("D011", ("D002", "D010"))
        assert ast.literal_eval(new.path.read_text().split("depends_on = ")[1].split("\n")[0]) == [
            "D002",
            "D010",
        ]

    def test_head_stands_for_the_heads_of_now(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002", depends_on=("D001",))
        project.migration("D003", depends_on=("D001",))

        assert commands.revision(project.config, "load", ["head"]).depends_on == ("D002", "D003")

    @pytest.mark.parametrize("present", [(), ("D001",)])
    def test_what_does_not_exist_cannot_be_waited_for(
        self, project: ProjectFolder, present: tuple[str, ...]
    ) -> None:
        for revision in present:
            project.migration(revision)

        with pytest.raises(UnknownRevisionError, match="There is no revision 'D009'"):
            commands.revision(project.config, "load", ["D009"])

        assert len(list(project.versions.glob("*.py"))) == len(present)
