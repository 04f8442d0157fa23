"""One migration file becomes revisions, read without running it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from delembic import DataMigration
from delembic.errors import MigrationFileError
from delembic.revisions.source import Revision, load, read_file
from support.projects import ProjectFolder

PLAIN = """
from delembic import DataMigration

class Load(DataMigration):
    revision = "D001"
    depends_on = []
    description = "load"

    def upgrade(self, conn):
        pass
"""


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """A project without a database: reading files needs none."""
    return ProjectFolder(tmp_path / "project", "")


def _write(project: ProjectFolder, source: str, name: str = "D001_load.py") -> Path:
    return project.write(f"delembic/versions/{name}", source)


def _read(project: ProjectFolder, source: str, name: str = "D001_load.py") -> list[Revision]:
    return read_file(_write(project, source, name), project.root)


def _fault(project: ProjectFolder, source: str) -> str:
    """The whole message, with the file's path left out."""
    path = _write(project, source)
    with pytest.raises(MigrationFileError) as caught:
        read_file(path, project.root)
    return str(caught.value).replace(str(path), "FILE")


class TestReadingWithoutRunning:
    def test_all_that_literals_tell_is_read_from_a_file_that_cannot_run(
        self, project: ProjectFolder
    ) -> None:
        source = """
            from delembic import DataMigration
            from a_package_that_is_long_gone import rows

            raise RuntimeError("this must not run")

            class LoadVocabulary(DataMigration):
                revision = "D001"
                depends_on = ["D000", "S001"]
                description = "load vocabulary"
                tags = {"domain": "geography"}
                owners = ["ann@example.org", "team:data"]
                group = "reference"

                def validate(self, conn):
                    pass
        """

        path = _write(project, source)

        assert read_file(path, project.root) == [
            Revision(
                id="D001",
                depends_on=("D000", "S001"),
                description="load vocabulary",
                path=path,
                line=7,
                class_name="LoadVocabulary",
                checksum=hashlib.sha256(path.read_bytes()).hexdigest(),
                validates=True,
                tags={"domain": "geography"},
                owners=("ann@example.org", "team:data"),
                group="reference",
            )
        ]

    def test_what_is_left_out_is_empty(self, project: ProjectFolder) -> None:
        (revision,) = _read(
            project,
            """
            from delembic import DataMigration
            class Load(DataMigration):
                revision = "D001"
            """,
        )

        assert revision.depends_on == ()
        assert revision.description == ""
        assert revision.tags == {}
        assert revision.owners == ()
        assert revision.group is None
        assert not revision.validates

    @pytest.mark.parametrize(
        ("statement", "base"),
        [
            ("from delembic import DataMigration as Base", "Base"),
            ("from delembic.migration import DataMigration", "DataMigration"),
            ("import delembic", "delembic.DataMigration"),
            ("import delembic as d", "d.DataMigration"),
            ("import delembic.migration", "delembic.migration.DataMigration"),
        ],
    )
    def test_the_class_is_known_however_it_was_imported(
        self, project: ProjectFolder, statement: str, base: str
    ) -> None:
        (revision,) = _read(
            project,
            f"{statement}\nimport long_gone\nclass Load({base}):\n    revision = 'D001'\n",
        )

        assert revision.class_name == "Load"

    def test_a_file_may_hold_several_migrations(self, project: ProjectFolder) -> None:
        revisions = _read(
            project,
            """
            from delembic import DataMigration

            class Second(DataMigration):
                revision = "D002"

            class NoMigration:
                revision = "D003"

            class First(DataMigration):
                revision = "D001"
            """,
        )

        assert [(revision.id, revision.line) for revision in revisions] == [
            ("D002", 4),
            ("D001", 10),
        ]

    def test_annotated_attributes_count_like_plain_ones(self, project: ProjectFolder) -> None:
        (revision,) = _read(
            project,
            """
            from typing import ClassVar
            from delembic import DataMigration
            class Load(DataMigration):
                revision: ClassVar[str] = "D001"
                depends_on: tuple[str, ...] = ("D000",)
                group: str | None
            """,
        )

        assert (revision.id, revision.depends_on) == ("D001", ("D000",))

    def test_a_dependency_that_is_named_twice_counts_once(self, project: ProjectFolder) -> None:
        (revision,) = _read(project, PLAIN.replace("[]", "['D003', 'D002', 'D003']"))

        assert revision.depends_on == ("D003", "D002")

    def test_meta_holds_anything_for_other_programs(self, project: ProjectFolder) -> None:
        meta = "meta = {'dagster': {'pool': 'x', 'kinds': ['csv']}, 'other': [1, None]}"
        (revision,) = _read(project, PLAIN.replace("depends_on = []", meta))

        assert revision.meta == {"dagster": {"pool": "x", "kinds": ["csv"]}, "other": [1, None]}

    def test_tags_may_be_a_list_of_names(self, project: ProjectFolder) -> None:
        (revision,) = _read(project, PLAIN.replace("depends_on = []", "tags = ['weekly', 'big']"))

        assert revision.tags == {"weekly": "", "big": ""}

    def test_a_base_in_another_file_may_bring_a_validate_and_is_not_imported_to_know(
        self, project: ProjectFolder
    ) -> None:
        (revision,) = _read(
            project,
            """
            from long_gone import Loading

            class Load(Loading):
                revision = "D001"
                depends_on = []
                description = "load colours"
            """,
        )

        assert revision.validates

    def test_a_migration_inherits_from_another_class_of_its_file(
        self, project: ProjectFolder
    ) -> None:
        (revision,) = _read(
            project,
            """
            import long_gone
            from delembic import DataMigration

            class Loading(DataMigration):
                depends_on = ["D000"]
                description = "load"
                def validate(self, conn):
                    pass

            class Load(Loading):
                revision = "D001"
                description = "load colours"
            """,
        )

        assert revision.class_name == "Load"
        assert revision.depends_on == ("D000",)
        assert revision.description == "load colours"
        assert revision.validates

    def test_a_class_with_a_private_name_and_no_revision_is_no_migration(
        self, project: ProjectFolder
    ) -> None:
        (revision,) = _read(
            project, f"{PLAIN}\nclass _Prepared(DataMigration):\n    group = 'reference'\n"
        )

        assert revision.id == "D001"

    @pytest.mark.parametrize(
        "other",
        [
            "class Base(DeclarativeBase): ...\n"
            "class Page(Base):\n    __tablename__ = 'page'\n    revision = mapped_column(Text)",
            "class Page(sa.orm.DeclarativeBase): revision = 1",
            "class Base: ...\nclass Page(Base): revision = 'D2'",
            "class Page(Exception, Generic[T]): revision = 'D2'",
            "class Page: revision = 'D2'",
        ],
    )
    def test_a_class_that_cannot_be_a_migration_may_have_a_revision(
        self, project: ProjectFolder, other: str
    ) -> None:
        imports = (
            "import sqlalchemy as sa\n"
            "from typing import Generic\n"
            "from sqlalchemy.orm import DeclarativeBase, mapped_column\n"
        )

        (revision,) = _read(project, f"{imports}{other}\n{PLAIN}")

        assert revision.id == "D001"

    def test_the_encoding_that_a_file_declares_is_heeded(self, project: ProjectFolder) -> None:
        path = project.versions / "D001.py"
        path.write_bytes(
            f"# coding: latin-1\n{PLAIN.replace('load', 'Schlüssel')}".encode("latin-1")
        )

        (revision,) = read_file(path, project.root)

        assert revision.description == "Schlüssel"

    def test_the_checksum_now_is_that_of_the_file_and_the_one_read_if_it_is_gone(
        self, project: ProjectFolder
    ) -> None:
        (revision,) = _read(project, PLAIN)
        read = revision.checksum
        assert revision.checksum_now() == read

        revision.path.write_text("# another file\n")
        assert revision.checksum_now() == hashlib.sha256(b"# another file\n").hexdigest() != read

        revision.path.unlink()
        assert revision.checksum_now() == read


class TestImportingWhenTheTextDoesNotTell:
    def test_a_computed_attribute_is_computed(self, project: ProjectFolder) -> None:
        (revision,) = _read(
            project,
            """
            from delembic import DataMigration
            YEAR = 2024
            class Load(DataMigration):
                revision = f"D{YEAR}"
                description = "load " + str(YEAR)
            """,
        )

        assert (revision.id, revision.description) == ("D2024", "load 2024")

    def test_what_is_added_to_an_attribute_counts(self, project: ProjectFolder) -> None:
        source = PLAIN.replace("depends_on = []", "depends_on = ['D000']; depends_on += ['S001']")

        (revision,) = _read(project, source)

        assert revision.depends_on == ("D000", "S001")

    def test_what_a_base_in_another_file_gives_is_found(self, project: ProjectFolder) -> None:
        _write(
            project,
            """
            from delembic import DataMigration
            class Loading(DataMigration):
                depends_on = ["D000"]
                group = "reference"
                def validate(self, conn):
                    pass
            """,
            "_loading.py",
        )

        (revision,) = _read(
            project,
            """
            from ._loading import Loading
            class Load(Loading):
                revision = "D001"
            """,
        )

        assert revision.depends_on == ("D000",)
        assert revision.group == "reference"
        assert revision.validates

    def test_a_base_in_another_file_is_not_needed_when_the_file_says_all(
        self, project: ProjectFolder
    ) -> None:
        (revision,) = _read(
            project,
            """
            from ._long_gone import Loading
            class Load(Loading):
                revision = "D001"
                depends_on = []
                description = "load"
            """,
        )

        assert revision.id == "D001"

    def test_an_import_that_fails_is_told_with_its_reason(self, project: ProjectFolder) -> None:
        message = _fault(
            project,
            """
            from delembic import DataMigration
            from long_gone import YEAR
            class Load(DataMigration):
                revision = f"D{YEAR}"
            """,
        )

        assert message == (
            "FILE: cannot be imported: ModuleNotFoundError: No module named 'long_gone'\n"
            "Correct it, or install what it imports; on the command line, --debug shows the"
            " traceback."
        )

    def test_a_class_that_turns_out_to_be_something_else_is_told(
        self, project: ProjectFolder
    ) -> None:
        _write(project, "class Base: ...", "_base.py")

        message = _fault(
            project,
            """
            from ._base import Base
            class Load(Base):
                revision = "D001"
            """,
        )

        assert message == (
            "FILE: Load is not a DataMigration.\nDerive it from delembic.DataMigration."
        )


class TestFaults:
    def test_bad_syntax_is_told_with_its_line(self, project: ProjectFolder) -> None:
        assert _fault(project, "x = 1\nclass Load(:\n") == (
            "FILE:2: does not parse: invalid syntax.\nCorrect the syntax."
        )

    def test_a_file_of_zero_bytes_for_text_is_told(self, project: ProjectFolder) -> None:
        assert "FILE: does not parse: source code string cannot contain null bytes" in _fault(
            project, "x = 1\0"
        ).replace("FILE:1", "FILE")

    def test_a_file_without_a_migration_is_told(self, project: ProjectFolder) -> None:
        assert _fault(project, "x = 1\n") == (
            "FILE: contains no DataMigration.\n"
            "Define one, or start the name of the file or of its folder with _ if it is a helper."
        )

    @pytest.mark.parametrize(
        ("attribute", "fault"),
        [
            ("description = ''", "revision must be a string such as 'D001', not None."),
            ("revision = 1", "revision must be a string such as 'D001', not 1."),
            ("revision = ' '", "revision must be a string such as 'D001', not ' '."),
            (
                "revision = 'D001'; depends_on = 'D000'",
                "depends_on must be a list of strings such as ['D001'], not 'D000'.",
            ),
            (
                "revision = 'D001'; depends_on = [0]",
                "depends_on must be a list of strings such as ['D001'], not [0].",
            ),
        ],
    )
    def test_an_attribute_of_the_wrong_type_is_told_with_its_value(
        self, project: ProjectFolder, attribute: str, fault: str
    ) -> None:
        message = _fault(
            project,
            f"from delembic import DataMigration\nclass Load(DataMigration):\n    {attribute}",
        )

        name = fault.split(maxsplit=1)[0]
        assert message == f"FILE:2: Load.{fault}\nCorrect the attribute {name}."


class TestLoading:
    def _load(self, project: ProjectFolder, source: str) -> DataMigration:
        (revision,) = _read(project, source)
        return load(revision, project.root)

    def _load_fault(self, project: ProjectFolder, source: str) -> str:
        (revision,) = _read(project, source)
        with pytest.raises(MigrationFileError) as caught:
            load(revision, project.root)
        return str(caught.value).replace(str(revision.path), "FILE")

    def test_an_instance_of_the_class_is_made(self, project: ProjectFolder) -> None:
        migration = self._load(project, PLAIN)

        assert isinstance(migration, DataMigration)
        assert type(migration).__name__ == "Load"
        assert migration.description == "load"

    def test_of_several_classes_in_a_file_the_right_one_is_made(
        self, project: ProjectFolder
    ) -> None:
        second = PLAIN.replace("Load", "Other").replace("D001", "D002")
        revisions = _read(project, PLAIN + second)

        migrations = [load(revision, project.root) for revision in revisions]

        assert [migration.revision for migration in migrations] == ["D001", "D002"]

    def test_helpers_beside_it_are_imported_relatively(
        self, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _write(project, "rows = ['red', 'blue']", "_rows.py")

        migration = self._load(project, f"from ._rows import rows\n{PLAIN}\n    colours = rows\n")

        assert vars(type(migration))["colours"] == ["red", "blue"]

    def test_helpers_of_one_name_in_two_projects_are_kept_apart(
        self, project: ProjectFolder, tmp_path: Path
    ) -> None:
        other = ProjectFolder(tmp_path / "other", "")
        source = f"from ._rows import rows\n{PLAIN}\n    colours = rows\n"
        _write(project, "rows = ['red']", "_rows.py")
        _write(other, "rows = ['blue']", "_rows.py")

        migrations = [self._load(each, source) for each in (project, other)]

        assert [vars(type(each))["colours"] for each in migrations] == [["red"], ["blue"]]

    def test_the_projects_root_can_be_imported_from(
        self, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "path", [*sys.path])
        project.write("colours_of_test_source.py", "NAMES = ['red']")

        migration = self._load(
            project,
            f"from colours_of_test_source import NAMES\n{PLAIN}\n    colours = NAMES\n",
        )

        assert vars(type(migration))["colours"] == ["red"]

    def test_no_bare_name_is_left_among_the_imported_modules(self, project: ProjectFolder) -> None:
        _write(project, "rows = []", "_rows_of_test_source.py")
        before = set(sys.modules)

        self._load(project, f"from ._rows_of_test_source import rows\n{PLAIN}")

        new = set(sys.modules) - before
        assert {name.rpartition(".")[2] for name in new} >= {"D001_load", "_rows_of_test_source"}
        assert all(name.startswith("delembic_project_") for name in new)

    def test_what_runs_is_what_was_read(self, project: ProjectFolder) -> None:
        (revision,) = _read(project, PLAIN)
        _write(project, PLAIN.replace("pass", "conn.execute('DROP TABLE t')"))

        with pytest.raises(MigrationFileError) as caught:
            load(revision, project.root)

        assert str(caught.value) == (
            f"{revision.path}: has changed since it was read.\nRun the command again."
        )

    @pytest.mark.parametrize(
        ("attribute", "fault"),
        [
            ("description = 1", "description must be a string, not 1."),
            ("group = ['a']", "group must be a string, not ['a']."),
            ("tags = {'a': 1}", "tags must map strings to strings, not {'a': 1}."),
            (
                "owners = 'team:data'",
                "owners must be a list of strings such as ['D001'], not 'team:data'.",
            ),
        ],
    )
    def test_an_attribute_that_the_order_does_not_need_is_held_to_its_rule_only_now(
        self, project: ProjectFolder, attribute: str, fault: str
    ) -> None:
        message = self._load_fault(project, PLAIN.replace('description = "load"', attribute))

        name = fault.split(maxsplit=1)[0]
        assert message == f"FILE:4: Load.{fault}\nCorrect the attribute {name}."

    def test_a_literal_that_python_refuses_is_told(self, project: ProjectFolder) -> None:
        source = PLAIN.replace("depends_on = []", "tags = {['a']: 'b'}")

        assert self._load_fault(project, source) == (
            "FILE: cannot be imported: TypeError: unhashable type: 'list'\n"
            "Correct it, or install what it imports; on the command line, --debug shows the"
            " traceback."
        )

    def test_a_class_without_an_upgrade_is_refused(self, project: ProjectFolder) -> None:
        assert self._load_fault(project, PLAIN.replace("upgrade", "upgarde")) == (
            "FILE:4: Load has no upgrade method.\nDefine upgrade(self, conn)."
        )

    @pytest.mark.parametrize("method", ["upgrade", "validate"])
    @pytest.mark.parametrize(
        ("start", "body"), [("async def", "pass"), ("def", "yield"), ("async def", "yield")]
    )
    def test_a_method_whose_call_would_do_nothing_is_refused(
        self, project: ProjectFolder, method: str, start: str, body: str
    ) -> None:
        source = f"{PLAIN}\n    def validate(self, conn):\n        pass\n".replace(
            f"def {method}(self, conn):\n        pass",
            f"{start} {method}(self, conn):\n        {body}",
        )

        assert self._load_fault(project, source) == (
            f"FILE:4: Load.{method} is async or contains a yield.\n"
            "Make it a plain function; as it is, calling it does nothing."
        )

    def test_a_class_that_needs_arguments_is_refused(self, project: ProjectFolder) -> None:
        message = self._load_fault(
            project, f"{PLAIN}\n    def __init__(self, colour):\n        pass\n"
        )

        assert message == (
            "FILE:4: Load cannot be instantiated: TypeError: Load.__init__() missing 1 required"
            " positional argument: 'colour'.\n"
            "Define no __init__, or one that needs no arguments and raises no error."
        )

    @pytest.mark.parametrize(
        ("statement", "reason"),
        [
            ("import long_gone", "ModuleNotFoundError: No module named 'long_gone'"),
            ("raise SystemExit(3)", "SystemExit: 3"),
        ],
    )
    def test_an_import_that_fails_is_told_and_leaves_nothing_behind(
        self, project: ProjectFolder, statement: str, reason: str
    ) -> None:
        before = {name for name in sys.modules if name.endswith("D001_load")}

        assert self._load_fault(project, f"{statement}\n{PLAIN}") == (
            f"FILE: cannot be imported: {reason}\n"
            "Correct it, or install what it imports; on the command line, --debug shows the"
            " traceback."
        )

        assert {name for name in sys.modules if name.endswith("D001_load")} == before

    def test_a_file_that_was_corrected_loads(self, project: ProjectFolder) -> None:
        self._load_fault(project, f"import long_gone\n{PLAIN}")

        assert self._load(project, PLAIN).revision == "D001"

    def test_upgrade_and_validate_are_the_files_own(self, project: ProjectFolder) -> None:
        migration = self._load(project, PLAIN.replace("pass", "raise ValueError(conn)"))

        with pytest.raises(ValueError, match="the connection"):
            migration.upgrade("the connection")  # type: ignore[arg-type]
