"""``commands.check`` finds everything that is wrong, and changes nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from delembic import commands
from delembic.commands import Rule
from delembic.errors import ConfigurationError, SettingError
from support.projects import ProjectFolder
from support.servers.backend import Backend


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def _found(project: ProjectFolder, **options: Any) -> list[tuple[str, str, int | None]]:
    """The rule, the file and the line of each finding."""
    found = commands.check(project.config, **options)
    return [(each.rule, each.path.name, each.line) for each in found]


def _texts(project: ProjectFolder, **options: Any) -> list[str]:
    return [each.text for each in commands.check(project.config, **options)]


class TestDatabase:
    def test_where_all_is_applied_nothing_is_found(self, backend: Backend, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", backend.url)
        project.migration("D001")
        project.migration("D002", depends_on=("D001",))
        project.upgrade()

        assert commands.check(project.config) == ()

    def test_it_writes_nothing(self, backend: Backend, tmp_path: Path) -> None:
        project = ProjectFolder(tmp_path / "project", backend.url)
        project.migration("D001")

        commands.check(project.config)

        with project.connection() as conn:
            assert inspect(conn).get_table_names() == []

    def test_what_is_pending_is_found_unless_it_may_be(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.upgrade()
        project.migration("D002")

        assert _found(project) == [(Rule.PENDING, "D002.py", 4)]
        assert _found(project, pending_ok=True) == []

    def test_a_failure_is_found_even_where_something_may_be_pending(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", "raise ValueError")
        project.migration("D002", depends_on=("D001",))
        with pytest.raises(Exception, match="D001 failed"):
            project.upgrade()

        assert _texts(project) == [
            "D001 failed at its last attempt.",
            "D002 is blocked, and waits for D001.",
        ]
        assert _found(project, pending_ok=True) == [(Rule.FAILED, "D001.py", 4)]

    def test_a_changed_file_is_found_until_it_is_accepted(self, project: ProjectFolder) -> None:
        path = project.migration("D001")
        project.upgrade()
        path.write_text(f"{path.read_text()}# reformatted\n")

        (found,) = commands.check(project.config, pending_ok=True)

        assert (found.rule, found.revision) == (Rule.CHANGED, "D001")
        assert found.remedy.endswith("accept it: delembic stamp --accept D001")
        commands.accept(project.config, ["D001"])
        assert commands.check(project.config) == ()

    def test_an_applied_migration_without_its_file_is_found_in_the_ini(
        self, project: ProjectFolder
    ) -> None:
        path = project.migration("D001")
        project.upgrade()
        path.unlink()

        assert _found(project) == [(Rule.FILE_GONE, "delembic.ini", None)]

    def test_a_file_that_cannot_be_read_is_not_also_gone(self, project: ProjectFolder) -> None:
        path = project.migration("D001")
        project.upgrade()
        path.write_text("class D001(:\n")

        assert _found(project) == [(Rule.FILE, "D001.py", 1)]

    def test_what_an_applied_file_imports_may_be_gone(self, project: ProjectFolder) -> None:
        path = project.migration("D001")
        project.upgrade()
        path.write_text(f"import gone_since_then\n{path.read_text()}")
        commands.accept(project.config, ["D001"])

        assert _found(project) == []
        assert _found(project, offline=True) == [(Rule.FILE, "D001.py", 5)]

    def test_the_database_of_another_project_is_all_that_is_found_in_it(
        self, project: ProjectFolder, tmp_path: Path
    ) -> None:
        project.migration("D001")
        project.upgrade()
        other = ProjectFolder(tmp_path / "other", project.url)
        path = other.migration("D001", "return None")
        path.write_text(path.read_text().replace("the work of", "another work of"))

        (found,) = commands.check(other.config)

        assert (found.rule, found.path.name) == (Rule.OTHER_PROJECT, "delembic.ini")
        assert "belongs to another project" in found.text

    def test_a_database_that_does_not_answer_is_an_error(self, project: ProjectFolder) -> None:
        project.url = "sqlite:////nowhere/at/all.db"
        project.configure()
        project.migration("D001")

        with pytest.raises(ConfigurationError, match="Cannot connect"):
            commands.check(project.config)
        assert commands.check(project.config, offline=True) == ()


class TestFiles:
    def test_each_file_that_cannot_be_read_is_found(self, project: ProjectFolder) -> None:
        project.write("delembic/versions/D001.py", "class D001(:\n")
        project.write("delembic/versions/D002.py", "x = 1\n")
        project.write("delembic/versions/sub/D003.py", "def upgrade(): pass\n")
        project.migration("D004")

        assert _found(project, offline=True) == [
            (Rule.FILE, "D001.py", 1),
            (Rule.FILE, "D002.py", None),
            (Rule.FILE, "D003.py", None),
        ]

    def test_two_files_with_one_id_are_both_named(self, project: ProjectFolder) -> None:
        ours = project.migration("D002")
        theirs = ours.rename(ours.with_name("D002_theirs.py"))
        project.migration("D002")

        found = commands.check(project.config, offline=True)

        assert [(each.rule, each.path, each.line) for each in found] == [
            (Rule.DUPLICATE, ours, 4),
            (Rule.DUPLICATE, theirs, 4),
        ]
        assert found[0].text == f"D002 is also defined in {theirs}:4."
        assert found[1].text == f"D002 is also defined in {ours}:4."

    def test_every_cycle_is_found(self, project: ProjectFolder) -> None:
        project.migration("D001", depends_on=("D002",))
        project.migration("D002", depends_on=("D001",))
        project.migration("D003", depends_on=("D003",))
        project.migration("D004", depends_on=("D001",))

        found = commands.check(project.config, offline=True)

        assert {each.rule for each in found} == {Rule.CYCLE}
        texts = [each.text for each in found]
        assert len(texts) == 2
        assert "in a cycle: " in texts[0]
        assert texts[1] == "D003 depends on itself."

    def test_a_dependency_that_does_not_exist_is_found_with_the_nearest(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")
        project.migration("D002", depends_on=("D01",))

        (found,) = commands.check(project.config, offline=True)

        assert (found.rule, found.path.name) == (Rule.DEPENDENCY, "D002.py")
        assert found.text == (
            "D002 depends on 'D01', which is not a revision. Did you mean 'D001'?"
        )

    def test_a_file_that_cannot_be_read_may_define_what_others_depend_on(
        self, project: ProjectFolder
    ) -> None:
        project.write("delembic/versions/D001.py", "class D001(:\n")
        project.migration("D002", depends_on=("D001",))

        assert _found(project, offline=True) == [(Rule.FILE, "D001.py", 1)]

    def test_an_applied_dependency_may_have_lost_its_file(self, project: ProjectFolder) -> None:
        path = project.migration("D001")
        project.upgrade()
        path.unlink()
        project.migration("D002", depends_on=("D001",))

        assert _found(project, pending_ok=True) == [(Rule.FILE_GONE, "delembic.ini", None)]
        assert _found(project, offline=True) == [(Rule.DEPENDENCY, "D002.py", 4)]

    @pytest.mark.parametrize(
        ("upgrade", "text"),
        [("pass", "MigrationD001.upgrade is still empty."), ("return", None)],
    )
    @pytest.mark.parametrize("options", [{"offline": True}, {"pending_ok": True}])
    def test_what_an_upgrade_would_refuse_is_found(
        self, project: ProjectFolder, upgrade: str, text: str | None, options: dict[str, bool]
    ) -> None:
        project.migration("D001", upgrade)

        assert _texts(project, **options) == ([text] if text else [])

    def test_a_wrong_setting_is_an_error(self, project: ProjectFolder) -> None:
        project.configure(lock="never")

        with pytest.raises(SettingError):
            commands.check(project.config, offline=True)


class TestAlembic:
    @pytest.fixture
    def project(self, project: ProjectFolder) -> ProjectFolder:
        """A project beside Alembic's, in which no revision can be run."""
        project.configure(alembic_config="alembic.ini")
        project.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
        project.write("schema/env.py", "raise SystemExit\n")
        project.migration("D001")
        return project

    def _drop(self, project: ProjectFolder, statement: str) -> None:
        project.write(
            "schema/versions/a1.py",
            f"raise SystemExit\nrevision = 'a1'\ndef upgrade():\n    {statement}\n",
        )

    @pytest.mark.parametrize(
        "table",
        [
            "delembic_version",
            "delembic_run_history",
            "delembic_database",
            "delembic_lease",
            "delembic_lease_renewal",
        ],
    )
    def test_a_revision_that_drops_one_of_delembics_tables_is_found_without_running_it(
        self, project: ProjectFolder, table: str
    ) -> None:
        self._drop(project, f"op.drop_table({table!r})")

        (found,) = commands.check(project.config, offline=True)

        assert (found.rule, found.path.name, found.line) == (Rule.TABLE_DROP, "a1.py", 4)
        assert found.text == f"This Alembic revision drops delembic's own table {table}."
        assert "include_object" in found.remedy

    def test_other_tables_may_be_dropped(self, project: ProjectFolder) -> None:
        self._drop(project, "op.drop_table('delembic_of_ours'), op.execute('DROP TABLE x')")

        assert _found(project, offline=True) == []

    def test_the_tables_go_by_the_names_that_the_settings_give(
        self, project: ProjectFolder
    ) -> None:
        project.configure(alembic_config="alembic.ini", version_table="Shop")

        for table, ours in [
            ("shop", True),
            ("Shop_run_history", True),
            ("shop_lease", True),
            ("delembic_version", False),
        ]:
            self._drop(project, f"op.execute('DROP TABLE {table}')")
            assert bool(_found(project, offline=True)) == ours, table

    def test_those_in_another_schema_are_not_ours(self, project: ProjectFolder) -> None:
        project.configure(alembic_config="alembic.ini", version_table_schema="shop")

        for schema, ours in [("'shop'", True), ("None", True), ("'other'", False)]:
            self._drop(project, f"op.drop_table('delembic_version', schema={schema})")
            assert bool(_found(project, offline=True)) == ours, schema

    def test_a_revision_that_does_not_parse_is_found(self, project: ProjectFolder) -> None:
        self._drop(project, "op.(")

        assert _found(project, offline=True) == [(Rule.FILE, "a1.py", 4)]

    def test_all_folders_of_revisions_are_read(self, project: ProjectFolder) -> None:
        project.write(
            "alembic.ini",
            "[alembic]\nscript_location = %(here)s/schema\nrecursive_version_locations = true\n"
            "version_locations = %(here)s/schema/versions %(here)s/more\n"
            "version_path_separator = space\npath_separator = space\n",
        )
        script = "def upgrade():\n    op.drop_table('delembic_version')\n"
        for name in ("schema/versions/a1.py", "more/deep/b2.py", "more/__init__.py"):
            project.write(name, script)

        found = commands.check(project.config, offline=True)

        assert sorted(each.path.name for each in found) == ["a1.py", "b2.py"]

    def test_a_dependency_may_be_a_revision_of_alembic(self, project: ProjectFolder) -> None:
        project.write(
            "schema/versions/a1.py",
            "revision = 'a1'\ndown_revision = None\ndef upgrade(): pass\n",
        )
        project.migration("D001", depends_on=("a1",))
        project.migration("D002", depends_on=("a2",))

        (found,) = commands.check(project.config, offline=True)

        assert found.text == (
            "D002 depends on 'a2', which is neither a delembic nor an Alembic revision."
            " Did you mean 'a1'?"
        )

    def test_what_waits_for_the_schema_is_pending(self, project: ProjectFolder) -> None:
        project.write(
            "schema/versions/a1.py",
            "revision = 'a1'\ndown_revision = None\ndef upgrade(): pass\n",
        )
        project.migration("D001", depends_on=("a1",))

        assert _texts(project) == ["D001 is blocked, and waits for a1."]
        assert _texts(project, pending_ok=True) == []


def test_a_project_without_alembic_imports_none_of_it(project: ProjectFolder) -> None:
    project.migration("D001")
    program = (
        "import sys; from delembic import Config, commands;"
        f"commands.check(Config.load({str(project.root / 'delembic.ini')!r}));"
        "print([name for name in sys.modules if name.partition('.')[0] == 'alembic'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
