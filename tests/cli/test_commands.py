"""The commands: what they print, where, and which code they exit with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from delembic import commands
from delembic.locks.file import DatabaseFileLock
from support.projects import PATIENCE_SECONDS, ProjectFolder
from support.shell import Ran, run, run_process, start

SECONDS = re.compile(r"\(\d+\.\d\ds\)")
SPAN = re.compile(r"in \d+\.\d s")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00")


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def _settled(text: str) -> str:
    """The text with durations and times as the documentation has them."""
    text = SPAN.sub("in 1.2 s", SECONDS.sub("(1.24s)", text))
    return MOMENT.sub("2024-01-15 10:30:00+00:00", text)


def _run(project: ProjectFolder, *arguments: str) -> Ran:
    ran = run(*arguments, cwd=project.root)
    return Ran(ran.exit_code, _settled(ran.out), _settled(ran.err))


class TestInit:
    def test_it_says_what_it_made_and_what_to_do_next(self, tmp_path: Path) -> None:
        assert run("init", cwd=tmp_path) == Ran(
            0,
            "Created delembic.ini\n"
            "Created delembic/env.py\n"
            "Created delembic/versions/.gitkeep\n"
            "Set sqlalchemy.url in delembic.ini, then run: delembic revision -m 'what it does'\n",
            "",
        )

    def test_the_folder_can_be_named(self, tmp_path: Path) -> None:
        ran = run("init", "data-migrations", cwd=tmp_path)

        assert "Created data-migrations/env.py\n" in ran.out
        assert (tmp_path / "data-migrations" / "versions").is_dir()

    def test_the_folder_may_be_elsewhere(self, tmp_path: Path) -> None:
        here = tmp_path / "here"
        here.mkdir()

        ran = run("init", str(tmp_path / "elsewhere"), cwd=here)

        assert ran.exit_code == 0
        assert f"Created {tmp_path}/elsewhere/env.py\n" in ran.out
        assert run("history", cwd=here).err.startswith("Error: Cannot connect to postgresql")

    def test_it_refuses_to_overwrite(self, tmp_path: Path) -> None:
        run("init", cwd=tmp_path)

        assert run("init", cwd=tmp_path) == Ran(
            2,
            "",
            "Error: delembic.ini already exists; nothing was written.\n"
            "Choose another folder, or remove it first to start over.\n",
        )


class TestRevision:
    def test_it_says_which_file_it_made(self, project: ProjectFolder) -> None:
        assert _run(project, "revision", "-m", "load vocabulary") == Ran(
            0, "Created delembic/versions/D001_load_vocabulary.py\n", ""
        )
        assert _run(project, "revision", "-m", "and more").out == (
            "Created delembic/versions/D002_and_more.py\n"
            "  depends on no other migration; with -d head, it would depend on D001\n"
        )

    def test_d1000_follows_d999(self, project: ProjectFolder) -> None:
        project.migration("D999")

        assert "D1000_load.py" in _run(project, "revision", "-m", "load").out

    def test_the_file_runs_once_it_is_filled_in(self, project: ProjectFolder) -> None:
        _run(project, "revision", "-m", "load vocabulary")
        (file,) = project.versions.glob("*.py")
        file.write_text(file.read_text().replace("pass", "return"))

        assert _run(project, "upgrade").out == "Running D001: load vocabulary\n  OK (1.24s)\n"

    def test_what_it_waits_for_can_be_named_several_times(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002")

        _run(project, "revision", "-m", "load", "-d", "D001", "--depends-on", "D002")

        text = (project.versions / "D003_load.py").read_text()
        assert 'depends_on = ["D001", "D002"]' in text

    def test_without_a_message_it_is_a_wrong_usage(self, project: ProjectFolder) -> None:
        ran = _run(project, "revision")

        assert ran.exit_code == 2
        assert "Missing option '-m' / '--message'" in ran.err

    def test_the_path_is_shown_from_the_working_folder_on(self, project: ProjectFolder) -> None:
        ran = run("revision", "-m", "load", cwd=project.root / "delembic" / "versions")

        assert ran.out == "Created D001_load.py\n"

    def test_the_heads_of_alembic_are_told(self, project: ProjectFolder) -> None:
        self._configure_alembic(project)
        project.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('S002'), ('S001')",
        )

        assert _run(project, "revision", "-m", "load") == Ran(
            0,
            "Created delembic/versions/D001_load.py\n"
            "  depends on the database's Alembic heads: S001, S002\n",
            "",
        )

    def test_a_database_that_cannot_be_asked_is_a_warning(self, project: ProjectFolder) -> None:
        project.url = "sqlite:///nowhere/a.db"
        self._configure_alembic(project)

        assert _run(project, "revision", "-m", "load") == Ran(
            0,
            "Created delembic/versions/D001_load.py\n",
            "Warning: depends_on lacks Alembic's heads, because the database could not be read."
            f" Cannot connect to sqlite:///{project.root}/nowhere/a.db: unable to open"
            " database file\n",
        )

    def _configure_alembic(self, project: ProjectFolder) -> None:
        project.configure(alembic_config="alembic.ini")
        project.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
        (project.root / "schema" / "versions").mkdir(parents=True)

    def test_it_says_what_a_new_one_could_depend_on(self, project: ProjectFolder) -> None:
        project.migration("D001")

        alone = run("revision", "-m", "load terms", cwd=project.root)
        chained = run("revision", "-m", "load more", "-d", "head", cwd=project.root)

        assert alone.out.endswith(
            "  depends on no other migration; with -d head, it would depend on D001\n"
        )
        assert "depends on no other" not in chained.out

    def test_a_setting_chains_them_and_none_makes_an_exception(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")
        project.configure(depends_on="head")

        for arguments in ((), ("-d", "none")):
            run("revision", "-m", "load terms", *arguments, cwd=project.root)

        graph = commands.read_graph(project.config)
        assert [graph[id_].depends_on for id_ in ("D002", "D003")] == [("D001",), ()]

    def test_another_value_of_the_setting_is_refused(self, project: ProjectFolder) -> None:
        project.configure(depends_on="D001")

        assert (
            "depends_on: 'D001' is neither none nor head."
            in run("revision", "-m", "load terms", cwd=project.root).err
        )


class TestUpgrade:
    def test_each_migration_has_a_line_and_its_end_another(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002", depends_on=("D001",))

        assert _run(project, "upgrade", "head") == Ran(
            0,
            "Running D001 (1 of 2): the work of D001\n  OK (1.24s)\n"
            "Running D002 (2 of 2): the work of D002\n  OK (1.24s)\n"
            "2 applied in 1.2 s, 0 rows\n",
            "",
        )

    def test_head_is_what_is_meant_by_nothing(self, project: ProjectFolder) -> None:
        project.migration("D001")

        assert "Running D001" in _run(project, "upgrade").out

    def test_a_target_brings_what_it_depends_on_and_nothing_else(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")
        project.migration("D002")
        project.migration("D003", depends_on=("D001",))

        ran = _run(project, "upgrade", "D003")

        assert re.findall(r"Running (\w+)", ran.out) == ["D001", "D003"]

    def test_with_nothing_to_do_it_says_so(self, project: ProjectFolder) -> None:
        project.migration("D001")
        _run(project, "upgrade")

        assert _run(project, "upgrade") == Ran(0, "Already up to date.\n", "")

    def test_without_files_it_says_so(self, project: ProjectFolder) -> None:
        assert _run(project, "upgrade") == Ran(0, "No migrations found.\n", "")

    def test_applied_revisions_without_files_are_a_warning(self, project: ProjectFolder) -> None:
        paths = [project.migration(revision) for revision in ("D001", "D002")]
        _run(project, "upgrade")

        paths[0].unlink()
        one = "Warning: 1 applied revision has no file: D001.\n"
        assert _run(project, "upgrade") == Ran(0, "Already up to date.\n", one)
        assert _run(project, "history").err == one

        paths[1].unlink()
        both = "Warning: 2 applied revisions have no file: D001, D002.\n"
        assert _run(project, "upgrade") == Ran(0, "No migrations found.\n", both)
        assert _run(project, "history").err == both
        assert _run(project, "history", "--json").err == ""

    def test_a_failure_is_told_with_its_remedy_and_no_traceback(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")
        project.migration("D002", "raise ValueError('bad row')", depends_on=("D001",))
        project.migration("D003", depends_on=("D002",))

        assert _run(project, "upgrade") == Ran(
            1,
            "Running D001 (1 of 3): the work of D001\n  OK (1.24s)\n"
            "Running D002 (2 of 3): the work of D002\n  FAILED (1.24s)\n",
            "Error: D002 failed in upgrade: ValueError: bad row\n"
            "Its work was rolled back and the attempt was recorded. Correct the migration or the"
            " data,"
            " then run the upgrade again.\n"
            "See the whole error: delembic show D002\n",
        )

    def test_the_record_says_that_it_was_the_command_line(self, project: ProjectFolder) -> None:
        project.migration("D001")

        _run(project, "upgrade")

        (attempt,) = project.attempts()
        assert attempt.executor == "cli"

    def test_a_lock_that_is_held_exits_with_4(self, project: ProjectFolder, tmp_path: Path) -> None:
        project.migration("D001")
        lock = DatabaseFileLock(tmp_path / "test.sqlite")
        assert lock.try_acquire("D001")

        ran = _run(project, "upgrade", "--lock-timeout", "0")

        lock.release("D001")
        assert ran == Ran(
            4,
            "",
            "Error: The lock of D001 is held by another run; delembic gave up after waiting 0 s.\n"
            "Run the upgrade again when the other run has ended, or wait longer with lock_timeout"
            " in the ini or --lock-timeout.\n",
        )

    def test_how_long_to_wait_can_be_said_in_the_ini(
        self, project: ProjectFolder, tmp_path: Path
    ) -> None:
        project.configure(lock_timeout="0.25")
        project.migration("D001")
        lock = DatabaseFileLock(tmp_path / "test.sqlite")
        assert lock.try_acquire("D001")

        ran = _run(project, "upgrade")

        lock.release("D001")
        assert ran.exit_code == 4
        assert "gave up after waiting 0.25 s" in ran.err
        assert ran.out == "Waiting for D001, whose lock is held by another run.\n"

    def test_missing_schema_revisions_exit_with_1_and_name_the_command(
        self, project: ProjectFolder
    ) -> None:
        project.configure(alembic_config="alembic.ini")
        project.write("alembic.ini", "[alembic]\nscript_location = %(here)s/schema\n")
        project.write("schema/versions/S001.py", "revision = 'S001'; down_revision = None")
        project.migration("D001", depends_on=("S001",))

        assert _run(project, "upgrade") == Ran(
            1,
            "",
            "Error: Nothing was run, because Alembic revisions are not applied:\n"
            "  S001, needed by D001\n"
            "Run: alembic -c alembic.ini upgrade S001\n",
        )


class TestFaults:
    """Usage, configuration and definition exit with 2, and nothing is run."""

    @pytest.mark.parametrize(
        "arguments",
        [["upgarde"], ["upgrade", "D001", "D002"], ["upgrade", "--lock-timeout", "-1"], ["-x"]],
    )
    def test_a_wrong_usage_is_told_with_how_to_get_help(
        self, project: ProjectFolder, arguments: list[str]
    ) -> None:
        ran = _run(project, *arguments)

        assert (ran.exit_code, ran.out) == (2, "")
        assert ran.err.startswith("Usage: delembic ")
        assert "--help' for help." in ran.err

    def test_no_ini_is_told(self, tmp_path: Path) -> None:
        for command in ("upgrade", "current", "history"):
            ran = run(command, cwd=tmp_path)
            assert (ran.exit_code, ran.out) == (2, "")
            assert ran.err == (
                f"Error: There is no delembic.ini in {tmp_path} or in a folder above it.\n"
                "Run 'delembic init' to start a project, or name the file with -c/--config or"
                " DELEMBIC_CONFIG.\n"
            )

    def test_a_broken_file_is_told_with_its_place(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.write("delembic/versions/D002.py", "def upgrade(:\n")

        for command in ("upgrade", "current", "history"):
            assert _run(project, command) == Ran(
                2,
                "",
                "Error: delembic/versions/D002.py:1: does not parse: invalid syntax.\n"
                "Correct the syntax.\n",
            )

    def test_an_unknown_target_is_told_with_the_nearest(self, project: ProjectFolder) -> None:
        project.migration("D001")

        assert _run(project, "upgrade", "D01") == Ran(
            2,
            "",
            "Error: There is no revision 'D01'. Did you mean 'D001'?\n"
            "'delembic history' lists the revisions; 'head' stands for all of them.\n",
        )

    def test_a_database_that_cannot_be_reached_is_told(self, project: ProjectFolder) -> None:
        project.url = "sqlite:///nowhere/a.db"
        project.configure()
        project.migration("D001")

        assert _run(project, "upgrade") == Ran(
            2,
            "",
            f"Error: Cannot connect to sqlite:///{project.root}/nowhere/a.db: unable to open"
            " database file\n"
            "Check the path in the URL, and check that its folder exists and is writable.\n",
        )

    def test_an_unknown_setting_is_a_warning(self, project: ProjectFolder) -> None:
        project.configure(lock_timout="1")

        assert _run(project, "upgrade") == Ran(
            0,
            "No migrations found.\n",
            "Warning: delembic.ini, [delembic]: unknown setting 'lock_timout'. Did you mean"
            " 'lock_timeout'?\n",
        )

    def test_a_file_that_is_no_database_is_told_without_a_traceback(
        self, project: ProjectFolder, tmp_path: Path
    ) -> None:
        (tmp_path / "test.sqlite").write_text("this is no database, but long enough to be one")

        ran = _run(project, "history")

        assert (ran.exit_code, ran.out) == (1, "")
        assert ran.err == (
            "Error: The database failed: file is not a database\n"
            "Once that is resolved, run the upgrade again; it settles any unfinished attempt.\n"
        )

    @pytest.mark.parametrize(("target", "exit_code"), [("D001", 1), ("D009", 2)])
    def test_debug_adds_the_traceback_and_changes_nothing_else(
        self, project: ProjectFolder, target: str, exit_code: int
    ) -> None:
        project.migration("D001", "raise ValueError('bad row')")

        plain = _run(project, "upgrade", target)
        debugging = _run(project, "--debug", "upgrade", target)

        assert "Traceback" not in plain.err
        assert debugging.err.startswith("Traceback (most recent call last):\n")
        assert debugging.err.endswith(plain.err)
        assert plain.exit_code == debugging.exit_code == exit_code


class TestCurrent:
    def test_it_shows_the_heads_and_when_they_were_applied(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002", depends_on=("D001",))
        project.migration("D003", depends_on=("D001",))
        project.migration("D004", "raise ValueError", depends_on=("D003",))
        _run(project, "upgrade")

        assert _run(project, "current") == Ran(
            0,
            "D002  (applied 2024-01-15 10:30:00+00:00)\n"
            "D003  (applied 2024-01-15 10:30:00+00:00)\n",
            "",
        )

    def test_before_the_first_upgrade_it_says_so(self, project: ProjectFolder) -> None:
        project.migration("D001")

        assert _run(project, "current") == Ran(0, "No migrations applied yet.\n", "")


class TestHistory:
    def test_each_revision_has_a_line_in_the_order_of_execution(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001", depends_on=("D002",))
        project.migration("D002")
        project.migration("D1000")
        _run(project, "upgrade", "D002")

        assert _run(project, "history") == Ran(
            0,
            "applied   D002   the work of D002\n"
            "pending   D001   the work of D001\n"
            "pending   D1000  the work of D1000\n",
            "",
        )

    def test_the_plain_lines_are_as_documented(self, project: ProjectFolder) -> None:
        project.migration("D001")
        _run(project, "upgrade")

        assert _run(project, "history").out == "applied   D001  the work of D001\n"

    def test_a_failure_and_what_waits_for_it_are_told(self, project: ProjectFolder) -> None:
        project.migration("D001", "raise ValueError")
        project.migration("D002", depends_on=("D001",))
        _run(project, "upgrade")

        assert _run(project, "history").out == (
            "failed    D001  the work of D001\nblocked   D002  the work of D002  (waits for D001)\n"
        )

    def test_longer_words_make_the_column_wider(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002", "raise KeyboardInterrupt")
        with pytest.raises(KeyboardInterrupt):
            project.upgrade()

        assert _run(project, "history").out == (
            "applied      D001  the work of D001\ninterrupted  D002  the work of D002\n"
        )

    def test_an_applied_one_whose_file_is_gone_is_still_listed(
        self, project: ProjectFolder
    ) -> None:
        path = project.migration("D001")
        project.migration("D002")
        _run(project, "upgrade")
        path.unlink()

        assert _run(project, "history").out == (
            "applied   D001  the work of D001  (its file is gone)\n"
            "applied   D002  the work of D002\n"
        )

    def test_a_note_stands_where_a_description_would(self, project: ProjectFolder) -> None:
        path = project.migration("D001")
        path.write_text(path.read_text().replace("the work of D001", ""))
        _run(project, "upgrade")
        path.write_text(f"{path.read_text()}# an afterthought\n")

        assert _run(project, "history").out == (
            "applied   D001  (its file has changed since it was applied)\n"
        )

    def test_a_change_that_will_not_be_run_is_told(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002")
        _run(project, "upgrade", "D001")
        project.migration("D001", "raise ValueError")
        project.migration("D002", "pass; pass")

        assert _run(project, "history").out == (
            "applied   D001  the work of D001  (its file has changed since it was applied)\n"
            "pending   D002  the work of D002\n"
        )

    def test_without_files_it_says_so(self, project: ProjectFolder) -> None:
        assert _run(project, "history") == Ran(0, "No migrations found.\n", "")

    def test_an_old_applied_migration_whose_imports_are_gone_is_no_obstacle(
        self, project: ProjectFolder
    ) -> None:
        path = project.migration("D001")
        _run(project, "upgrade")
        path.write_text(f"import long_gone\n{path.read_text()}")
        project.migration("D002", depends_on=("D001",))

        assert _run(project, "upgrade").exit_code == 0
        assert _run(project, "history").out.startswith("applied   D001  the work of D001")


class TestWhere:
    def test_every_command_works_from_any_folder_below_the_ini(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")
        below = project.root / "src" / "package"
        below.mkdir(parents=True)

        assert run("upgrade", cwd=below).exit_code == 0
        assert run("current", cwd=below).out.startswith("D001  (applied ")
        assert run("history", cwd=below).out == "applied   D001  the work of D001\n"
        assert run("revision", "-m", "load", cwd=below).exit_code == 0

    def test_a_relative_database_is_beside_the_ini_whatever_the_folder(
        self, tmp_path: Path
    ) -> None:
        project = ProjectFolder(tmp_path / "project", "sqlite:///data.db")
        project.migration("D001")

        run("-c", str(project.root / "delembic.ini"), "upgrade", cwd=tmp_path)

        assert sorted(path.name for path in tmp_path.rglob("*.db")) == ["data.db"]
        assert (project.root / "data.db").stat().st_size > 0

    def test_the_ini_can_be_named_by_option_or_by_variable(
        self, project: ProjectFolder, tmp_path: Path
    ) -> None:
        project.migration("D001")
        ini = project.root / "delembic.ini"
        ini.rename(project.root / "other.ini")
        line = "pending   D001  the work of D001\n"

        assert run("-c", "project/other.ini", "history", cwd=tmp_path).out == line
        assert run("--config", "project/other.ini", "history", cwd=tmp_path).out == line
        by_variable = run("history", cwd=tmp_path, DELEMBIC_CONFIG="project/other.ini")
        assert by_variable.out == line

    def test_the_option_counts_more_than_the_variable(
        self, project: ProjectFolder, tmp_path: Path
    ) -> None:
        ran = run(
            "-c", str(project.root / "delembic.ini"), "history",
            cwd=tmp_path,
            DELEMBIC_CONFIG="nowhere.ini",
        )  # fmt: skip

        assert ran.out == "No migrations found.\n"

    def test_a_named_ini_that_is_missing_is_told(self, tmp_path: Path) -> None:
        ran = run("-c", "nowhere.ini", "history", cwd=tmp_path)

        assert ran.exit_code == 2
        assert ran.err.startswith("Error: nowhere.ini does not exist.\n")

    def test_one_ini_can_hold_several_databases(self, project: ProjectFolder) -> None:
        project.migration("D001")
        with project.root.joinpath("delembic.ini").open("a") as ini:
            ini.write("[reports]\nscript_location = reports\nsqlalchemy.url = sqlite:///r.db\n")
        project.write(
            "reports/versions/R001.py",
            """
            from delembic import DataMigration
            class Load(DataMigration):
                revision = "R001"
                def upgrade(self, conn):
                    return
            """,
        )

        assert _run(project, "-n", "reports", "upgrade").out == "Running R001\n  OK (1.24s)\n"

        assert _run(project, "--name", "reports", "history").out == "applied   R001\n"
        assert _run(project, "history").out == "pending   D001  the work of D001\n"

    def test_a_section_that_is_missing_is_told(self, project: ProjectFolder) -> None:
        assert _run(project, "-n", "reports", "history") == Ran(
            2,
            "",
            "Error: delembic.ini has no section [reports]; it has [delembic].\n"
            "Add the section, or choose another (on the command line with -n/--name).\n",
        )


class TestProcess:
    """Commands in a process of their own."""

    def test_the_projects_root_can_be_imported_from_whatever_the_folder(
        self, project: ProjectFolder
    ) -> None:
        project.write("colours.py", "NAMES = ['red', 'blue']")
        project.write("delembic/versions/_table.py", "NAME = 'colour'")
        project.migration(
            "D001",
            "conn.exec_driver_sql(f'CREATE TABLE {NAME} (name VARCHAR(9))')\n"
            "for each in NAMES: conn.exec_driver_sql(f\"INSERT INTO {NAME} VALUES ('{each}')\")",
            head="from colours import NAMES\nfrom ._table import NAME",
        )

        ran = run_process("upgrade", cwd=project.root / "delembic" / "versions")

        assert (ran.exit_code, ran.err) == (0, "")
        assert project.value("SELECT count(*) FROM colour") == 2

    def test_the_output_is_plain_when_it_is_piped(self, project: ProjectFolder) -> None:
        project.migration("D001", "raise ValueError('bad row')")

        ran = run_process("upgrade", cwd=project.root)

        assert ran.exit_code == 1
        assert _settled(ran.out) == "Running D001: the work of D001\n  FAILED (1.24s)\n"
        assert ran.err.startswith("Error: D001 failed in upgrade: ValueError: bad row\n")
        assert "\x1b" not in ran.out + ran.err

    def test_a_password_with_difficult_characters_comes_through_from_the_environment(
        self, postgresql_url: str, project: ProjectFolder
    ) -> None:
        project.url = "${DATABASE_URL}"
        project.configure()
        project.migration("D001")

        ran = run_process("upgrade", cwd=project.root, DATABASE_URL=postgresql_url)

        assert (ran.exit_code, ran.err) == (0, "")

    def test_the_script_is_the_same_as_the_module(self, tmp_path: Path) -> None:
        script = Path(sys.executable).with_name("delembic")
        commands = [[str(script)], [sys.executable, "-m", "delembic"]]

        versions = [
            subprocess.run(
                [*command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
            ).stdout.rpartition(",")[2]
            for command in commands
        ]

        assert versions[0] == versions[1]
        assert re.fullmatch(r" version \d+\.\d+\.\d+\w*\n", versions[0])

    def test_when_nobody_reads_on_it_ends_without_a_word(self, project: ProjectFolder) -> None:
        project.migration("D001")
        process = start("history", cwd=project.root)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        errors = process.stderr.read()

        process.stderr.close()
        process.wait(PATIENCE_SECONDS)
        assert errors == ""
