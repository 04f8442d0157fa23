"""Arguments that are malformed: each is told, with the nearest that would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.projects import ProjectFolder
from support.refusals import nothing_was_run, refusal
from support.shell import run


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """A project with two migrations that are pending."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001", "conn.exec_driver_sql('CREATE TABLE t (x INTEGER)')")
    project.migration("D002", depends_on=("D001",))
    return project


def _usage(project: ProjectFolder, *arguments: str) -> str:
    """The message below the two lines that tell how to get help."""
    ran = run(*arguments, cwd=project.root)

    assert (ran.exit_code, ran.out) == (2, "")
    usage, help_line, empty, *message = ran.err.splitlines()
    assert usage.startswith("Usage: delembic ")
    assert help_line.startswith("Try 'delembic ")
    assert empty == ""
    assert nothing_was_run(project)
    return "\n".join(message)


class TestUsage:
    @pytest.mark.parametrize(
        ("name", "guess"),
        [
            ("upgarde", " Did you mean 'upgrade'?"),
            ("histroy", " Did you mean 'history'?"),
            ("x", ""),
        ],
    )
    def test_an_unknown_command_is_told_with_the_nearest(
        self, project: ProjectFolder, name: str, guess: str
    ) -> None:
        assert _usage(project, name) == f"Error: No such command {name!r}.{guess}"

    @pytest.mark.parametrize(
        ("arguments", "option", "near"),
        [
            (["upgrade", "--lock-timout", "1"], "--lock-timout", "--lock-timeout"),
            (["--cnofig", "x", "upgrade"], "--cnofig", "--config"),
            (["revision", "--mesage", "x"], "--mesage", "--message"),
        ],
    )
    def test_an_unknown_option_is_told_with_the_nearest(
        self, project: ProjectFolder, arguments: list[str], option: str, near: str
    ) -> None:
        message = _usage(project, *arguments)

        assert message.startswith("Error: No such option")
        assert option in message
        assert near in message.partition("Did you mean ")[2]

    @pytest.mark.parametrize(
        ("arguments", "option"),
        [
            (["upgrade", "-n", "archive"], "-n"),
            (["upgrade", "-narchive"], "-n"),
            (["history", "--config=x.ini"], "--config"),
            (["show", "D001", "--debug"], "--debug"),
        ],
    )
    def test_an_option_that_goes_before_the_command_is_told_its_place(
        self, project: ProjectFolder, arguments: list[str], option: str
    ) -> None:
        assert _usage(project, *arguments) == (
            f"Error: The option {option} goes before the command:"
            f" delembic {option} … {arguments[0]}"
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["upgrade", "D001", "D002"], "Error: Got unexpected extra argument (D002)"),
            (
                ["upgrade", "--lock-timeout", "soon"],
                "Error: Invalid value for '--lock-timeout': 'soon' is not a valid float range.",
            ),
            (
                ["upgrade", "--lock-timeout", "-1"],
                "Error: Invalid value for '--lock-timeout': -1.0 is not in the range x>=0.",
            ),
            (["revision"], "Error: Missing option '-m' / '--message'."),
        ],
    )
    def test_a_wrong_number_or_kind_is_told(
        self, project: ProjectFolder, arguments: list[str], message: str
    ) -> None:
        assert _usage(project, *arguments) == message


class TestTarget:
    @pytest.mark.parametrize(
        ("target", "guess"),
        [
            ("D01", " Did you mean 'D001'?"),
            ("haed", " Did you mean 'head'?"),
            ("zebra", ""),
            ("", ""),
        ],
    )
    def test_an_unknown_one_is_told_with_the_nearest(
        self, project: ProjectFolder, target: str, guess: str
    ) -> None:
        message = refusal(project, "upgrade", target)

        assert message.startswith(f"Error: There is no revision {target!r}.{guess}\n")


class TestMessage:
    @pytest.mark.parametrize("message", ["", " ", "\n\t"])
    def test_an_empty_one_is_told(self, project: ProjectFolder, message: str) -> None:
        assert refusal(project, "revision", "-m", message) == (
            "Error: The message is empty.\nDescribe what the migration does: -m 'load"
            " vocabulary'.\n"
        )

    @pytest.mark.parametrize("message", ["load \udcff", "load \x1b[31m", "load \0"])
    def test_one_that_cannot_be_printed_is_told_and_leaves_no_file(
        self, project: ProjectFolder, message: str
    ) -> None:
        shown = repr(message)

        assert refusal(project, "revision", "-m", message) == (
            f"Error: The message cannot be printed: {shown}.\n"
            "Describe what the migration does: -m 'load vocabulary'.\n"
        )
        assert sorted(path.name for path in project.versions.glob("*.py")) == ["D001.py", "D002.py"]

    def test_what_it_should_wait_for_has_to_be_there(self, project: ProjectFolder) -> None:
        assert refusal(project, "revision", "-m", "load", "-d", "D01").startswith(
            "Error: There is no revision 'D01'. Did you mean 'D001'?\n"
        )
        assert len(list(project.versions.glob("*.py"))) == 2


class TestInit:
    def test_a_folder_that_is_a_file_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("")

        ran = run("init", "data", cwd=tmp_path)

        assert (ran.exit_code, ran.out) == (2, "")
        assert ran.err == (
            "Error: data already exists; nothing was written.\n"
            "Choose another folder, or remove it first to start over.\n"
        )
        assert not (tmp_path / "delembic.ini").exists()

    @pytest.mark.parametrize("folder", ["", " ", "a\nb", "\udcff"])
    def test_a_folder_that_the_ini_could_not_name_is_told(
        self, tmp_path: Path, folder: str
    ) -> None:
        ran = run("init", folder, cwd=tmp_path)

        assert (ran.exit_code, ran.out) == (2, "")
        assert ran.err == (
            f"Error: {folder!r} cannot be the name of a folder in delembic.ini.\n"
            "Name a folder, for example: delembic init migrations\n"
        )
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        name = "d" * 300

        ran = run("init", name, cwd=tmp_path)

        assert (ran.exit_code, ran.out) == (2, "")
        assert ran.err == (
            f"Error: {name}/env.py cannot be written: File name too long.\n"
            "Choose another folder, or check who may write there.\n"
        )
