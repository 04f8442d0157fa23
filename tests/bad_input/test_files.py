"""Migration files that are malformed: each is told with its file, and nothing is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.projects import ProjectFolder
from support.refusals import CANNOT_READ, refusal
from support.shell import run

FILE = "delembic/versions/D002.py"

PLAIN = """\
from delembic import DataMigration

class Load(DataMigration):
    revision = "D002"
    depends_on = ["D001"]
    description = "load"

    def upgrade(self, conn):
        return
"""

ID_RULE = (
    "A revision contains no whitespace and none of : , + @ ^ ~, does not begin with -, and has at"
    " most 255 characters.\n"
)


@pytest.fixture
def project(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """A project with a migration that is pending, and would leave a table if it were run."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001", "conn.exec_driver_sql('CREATE TABLE t (x INTEGER)')")
    return project


def _write(project: ProjectFolder, old: str, new: str) -> None:
    assert old in PLAIN
    project.write(FILE, PLAIN.replace(old, new))


class TestUnreadable:
    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            (b"def upgrade(:\n", ":1: does not parse: invalid syntax."),
            (b"x = 1\n\nif x:\npass\n", ":4: does not parse: expected an indented block"),
            (b"x = '\xff'\n", ":1: does not parse: (unicode error) 'utf-8' codec can't decode"),
            (b"# coding: nonsense\n", ": does not parse: unknown encoding: nonsense."),
            (PLAIN.encode("utf-16"), ": does not parse: source code string cannot contain null"),
            (b"x = 1\0", ": does not parse: source code string cannot contain null bytes."),
            (b"(" * 1000, ":1: does not parse: too many nested parentheses."),
            (b"x = " + b"-" * 100_000 + b"1", ": does not parse: "),
        ],
        ids=["syntax", "indent", "bytes", "encoding", "UTF-16", "zero", "nested", "deep"],
    )
    def test_a_file_that_does_not_parse_is_told_with_its_line(
        self, project: ProjectFolder, content: bytes, fault: str
    ) -> None:
        (project.root / FILE).write_bytes(content)

        message = refusal(project)

        assert message.startswith(f"Error: {FILE}{fault}")
        assert message.endswith(".\nCorrect the syntax.\n")

    def test_a_folder_with_the_name_of_a_file_is_told(self, project: ProjectFolder) -> None:
        (project.root / FILE).mkdir()

        assert refusal(project) == f"Error: {FILE}: cannot be read: Is a directory.\n"

    def test_a_link_that_leads_nowhere_is_told(self, project: ProjectFolder) -> None:
        (project.root / FILE).symlink_to("nowhere.py")

        assert refusal(project) == f"Error: {FILE}: cannot be read: No such file or directory.\n"

    @pytest.mark.parametrize("content", ["", "x = 1\n", "class Load:\n    pass\n"])
    def test_a_file_without_a_migration_is_told(self, project: ProjectFolder, content: str) -> None:
        project.write(FILE, content)

        assert refusal(project) == (
            f"Error: {FILE}: contains no DataMigration.\n"
            "Define one, or start the name of the file or of its folder with _ if it is a helper.\n"
        )


class TestImport:
    @pytest.mark.parametrize(
        ("statement", "reason"),
        [
            ("import long_gone", "ModuleNotFoundError: No module named 'long_gone'"),
            ("from os import long_gone", "ImportError: cannot import name 'long_gone' from 'os'"),
            ("from ._long_gone import x", "ModuleNotFoundError: No module named"),
            ("raise ValueError('bad vocabulary')", "ValueError: bad vocabulary"),
            ("raise SystemExit(0)", "SystemExit: 0"),
            ("import sys; sys.exit()", "SystemExit: import sys; sys.exit() (D002.py:1)"),
            ("assert 1 > 2", "AssertionError: assert 1 > 2 (D002.py:1)"),
            ("return", "SyntaxError: 'return' outside function (D002.py, line 1)"),
            ("1 / 0", "ZeroDivisionError: division by zero"),
        ],
    )
    def test_what_is_raised_is_told(
        self, project: ProjectFolder, statement: str, reason: str
    ) -> None:
        project.write(FILE, f"{statement}\n{PLAIN}")

        message = refusal(project)

        assert message.startswith(f"Error: {FILE}: cannot be imported: {reason}")
        assert message.endswith(f"\n{CANNOT_READ}\n")

    def test_debug_shows_the_traceback(self, project: ProjectFolder) -> None:
        project.write(FILE, f"import long_gone\n{PLAIN}")

        ran = run("--debug", "upgrade", cwd=project.root)

        assert ran.exit_code == 2
        assert f'{FILE}", line 1, in <module>\n    import long_gone\n' in ran.err

    def test_an_error_of_many_lines_is_told_in_a_few(self, project: ProjectFolder) -> None:
        project.write(FILE, f"raise ValueError('x' * 10_000 + '\\n' * 9 + 'row\\n' * 100)\n{PLAIN}")

        ran = run("upgrade", cwd=project.root)

        assert ran.err == (
            f"Error: {FILE}: cannot be imported: ValueError: {'x' * 300}…\n"
            + "row\n" * 5
            + f"…\n{CANNOT_READ}\n"
        )

    def test_a_class_that_is_something_else_is_told(self, project: ProjectFolder) -> None:
        project.write("shop.py", "class Base:\n    pass\n")
        _write(project, PLAIN, "from shop import Base\nclass Load(Base):\n    revision = 'D002'\n")

        assert refusal(project) == (
            f"Error: {FILE}: Load is not a DataMigration.\nDerive it from delembic.DataMigration.\n"
        )

    def test_one_that_is_something_else_for_sure_is_not_looked_at(
        self, project: ProjectFolder
    ) -> None:
        _write(project, PLAIN, "class Load(Exception):\n    revision = 'D002'\n")

        assert refusal(project) == (
            f"Error: {FILE}: contains no DataMigration.\n"
            "Define one, or start the name of the file or of its folder with _ if it is a helper.\n"
        )

    def test_two_classes_of_one_name_are_told(self, project: ProjectFolder) -> None:
        """Python would forget the first one, and with it a migration."""
        project.write(FILE, PLAIN + PLAIN.replace("D002", "D003"))

        assert refusal(project) == (
            f"Error: {FILE}:3: Load has the revision D003 when imported, not D002.\n"
            "Give each class a unique name, and its revision a constant value.\n"
        )


class TestRevision:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("", "None"),
            ("revision = 1", "1"),
            ("revision = None", "None"),
            ("revision = ''", "''"),
            ("revision = ' '", "' '"),
            ("revision = ['D002']", "['D002']"),
            ("revision = b'D002'", "b'D002'"),
            ("revision = 2 * 1", "2"),
            ("revision = ['x' * 999]", "['xxxxxxxxxxxx...xxxxxxxxxxxxx']"),
        ],
    )
    def test_what_is_no_text_is_told(self, project: ProjectFolder, line: str, value: str) -> None:
        _write(project, 'revision = "D002"', line)

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.revision must be a string such as 'D001', not {value}.\n"
            "Correct the attribute revision.\n"
        )

    @pytest.mark.parametrize("name", ["head", "HEADS", "base", "current", "pending", "failed"])
    def test_a_word_that_means_something_else_is_told(
        self, project: ProjectFolder, name: str
    ) -> None:
        _write(project, "D002", name)

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.revision cannot be {name!r}, which has another meaning on the"
            f" command line.\n{ID_RULE}"
        )

    @pytest.mark.parametrize(
        "odd", [*":,+@^~ ", "\\xa0", "\\t", "\\n", "\\x00", "\\ud800", "\\x1b"]
    )
    def test_a_character_that_targets_need_or_that_cannot_be_seen_is_told(
        self, project: ProjectFolder, odd: str
    ) -> None:
        _write(project, "D002", f"D{odd}2")

        message = refusal(project)

        character = odd.encode().decode("unicode_escape")
        assert message.startswith(
            f"Error: {FILE}:3: Load.revision cannot contain {character!r}, as"
        )
        assert message.endswith(f" does.\n{ID_RULE}")

    def test_a_beginning_that_looks_like_an_option_is_told(self, project: ProjectFolder) -> None:
        _write(project, "D002", "-D002")

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.revision cannot begin with '-', as '-D002' does.\n{ID_RULE}"
        )

    def test_one_that_is_too_long_for_its_column_is_told(self, project: ProjectFolder) -> None:
        _write(project, "D002", "D" * 256)

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.revision has 256 characters.\n{ID_RULE}"
        )

    @pytest.mark.parametrize("name", ["D" * 255, "2024-01.b_2", "ä/b", ".x", "$(x)", "header"])
    def test_any_other_is_as_good_as_the_usual(self, project: ProjectFolder, name: str) -> None:
        _write(project, "D002", name)

        assert run("upgrade", cwd=project.root).exit_code == 0
        assert project.states() == {"D001": "applied", name: "applied"}

    def test_one_revision_in_two_files_is_told_with_both(self, project: ProjectFolder) -> None:
        _write(project, "D002", "D001")

        assert refusal(project) == (
            "Error: Revision D001 is defined twice: in delembic/versions/D001.py:4 and in"
            f" {FILE}:3.\n"
            "Give one of them another revision; one that is already applied must keep its own.\n"
        )

    @pytest.mark.parametrize("name", ["-m", "tag:nightly", "head"])
    def test_an_odd_one_that_is_applied_is_no_obstacle(
        self, project: ProjectFolder, name: str
    ) -> None:
        _write(project, "D002", name)
        (project.root / FILE).rename(project.root / "odd.py")
        run("upgrade", cwd=project.root)
        (project.root / "odd.py").rename(project.root / FILE)
        project.execute(
            "INSERT INTO delembic_version (revision, status, applied_at)"
            f" VALUES ('{name}', 'success', '2024-01-15')"
        )

        assert run("upgrade", cwd=project.root).out == "Already up to date.\n"
        assert project.states() == {"D001": "applied", name: "applied"}


class TestDependsOn:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("'D001'", "'D001'"),
            ("1", "1"),
            ("[1]", "[1]"),
            ("[['D001']]", "[['D001']]"),
            ("{'D001': 1}", "{'D001': 1}"),
            ("{'D001'}", "{'D001'}"),
            ("[None]", "[None]"),
        ],
    )
    def test_what_is_no_list_of_texts_is_told(
        self, project: ProjectFolder, value: str, shown: str
    ) -> None:
        _write(project, '["D001"]', value)

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.depends_on must be a list of strings such as ['D001'], not"
            f" {shown}.\nCorrect the attribute depends_on.\n"
        )

    @pytest.mark.parametrize(
        ("name", "guess"),
        [
            ("D01", " Did you mean 'D001'?"),
            ("", ""),
            ("head", ""),
            ("D001 ", " Did you mean 'D001'?"),
        ],
    )
    def test_an_unknown_one_is_told_with_the_nearest(
        self, project: ProjectFolder, name: str, guess: str
    ) -> None:
        _write(project, "D001", name)

        assert refusal(project) == (
            f"Error: {FILE}: D002 depends on {name!r}, which is not a revision.{guess}\n"
            "Correct depends_on, or set alembic_config if it is an Alembic revision.\n"
        )

    def test_one_on_itself_is_told(self, project: ProjectFolder) -> None:
        _write(project, "D001", "D002")

        assert refusal(project) == (
            f"Error: D002 depends on itself.\nCorrect its depends_on in {FILE}:3.\n"
        )

    def test_a_circle_is_told_with_its_path_and_its_files(self, project: ProjectFolder) -> None:
        project.migration("D001", depends_on=("D003",))
        project.migration("D003", depends_on=("D002",))
        project.write(FILE, PLAIN)

        assert refusal(project) == (
            "Error: The migrations depend on each other in a cycle: D001 -> D003 -> D002 ->"
            " D001.\n"
            "Remove one of these dependencies. The migrations are defined in"
            f" delembic/versions/D003.py:4, {FILE}:3, delembic/versions/D001.py:4.\n"
        )


class TestOtherAttributes:
    @pytest.mark.parametrize(
        ("attribute", "fault"),
        [
            ("description = 1", "description must be a string, not 1."),
            (
                "description = '\\0'",
                r"description must be a printable string, not '\x00'.",
            ),
            (
                "description = '\\ud800'",
                r"description must be a printable string, not '\ud800'.",
            ),
            ("tags = 'nightly'", "tags must be a list of strings such as ['D001'], not 'nightly'."),
            ("tags = {'a': 1}", "tags must map strings to strings, not {'a': 1}."),
            (
                "meta = ['dagster']",
                "meta must map strings to values, such as {'dagster': {}}, not ['dagster'].",
            ),
            ("owners = [1]", "owners must be a list of strings such as ['D001'], not [1]."),
            ("group = 1", "group must be a string, not 1."),
        ],
    )
    def test_a_wrong_one_is_told_with_its_value(
        self, project: ProjectFolder, attribute: str, fault: str
    ) -> None:
        _write(project, 'description = "load"', attribute)

        name = attribute.split(maxsplit=1)[0]
        assert refusal(project) == (
            f"Error: {FILE}:3: Load.{fault}\nCorrect the attribute {name}.\n"
        )

    def test_a_description_of_several_lines_is_shown_on_one(self, project: ProjectFolder) -> None:
        _write(project, '"load"', '"""load\n    the rest"""')

        assert "\nRunning D002 (2 of 2): load the rest\n" in run("upgrade", cwd=project.root).out

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("depend_on", "depends_on"),
            ("dependson", "depends_on"),
            ("depends", "depends_on"),
            ("dependencies", "depends_on"),
            ("down_revision", "depends_on"),
            ("validte", "validate"),
            ("Validate", "validate"),
        ],
    )
    def test_a_name_that_is_nearly_right_is_told_as_it_would_be_passed_over(
        self, project: ProjectFolder, name: str, meant: str
    ) -> None:
        _write(project, 'depends_on = ["D001"]', f'{name} = ["D001"]')

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.{name} has no meaning for delembic.\n"
            f"Did you mean {meant}? If not, choose a less similar name.\n"
        )

    def test_any_other_name_is_the_classs_own(self, project: ProjectFolder) -> None:
        _write(
            project,
            "description =",
            "validate = lambda *_: None; validated = depend = _depends_on = owner = description =",
        )

        assert run("upgrade", cwd=project.root).exit_code == 0


class TestMethods:
    def test_a_missing_upgrade_is_told(self, project: ProjectFolder) -> None:
        _write(project, "upgrade", "upgarde")

        assert refusal(project) == (
            f"Error: {FILE}:3: Load has no upgrade method.\nDefine upgrade(self, conn).\n"
        )

    @pytest.mark.parametrize(
        "signature", ["()", "(self)", "(conn)", "(self, conn, more)", "(self, *, conn)"]
    )
    @pytest.mark.parametrize("name", ["upgrade", "validate"])
    def test_a_wrong_signature_is_told(
        self, project: ProjectFolder, name: str, signature: str
    ) -> None:
        project.write(FILE, f"{PLAIN}\n    def {name}{signature}:\n        pass\n")

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.{name} cannot be called with a connection as its only"
            f" argument.\n"
            f"Define {name}(self, conn).\n"
        )

    @pytest.mark.parametrize(
        "definition",
        [
            "def upgrade(self, conn, more=None): return",
            "def upgrade(self, *anything): return",
            "@staticmethod\n    def upgrade(conn): return",
            "@classmethod\n    def upgrade(cls, conn): return",
            "upgrade = id",
        ],
    )
    def test_whatever_can_be_called_with_a_connection_will_do(
        self, project: ProjectFolder, definition: str
    ) -> None:
        project.write(FILE, f"{PLAIN}\n    {definition}\n")

        assert run("upgrade", cwd=project.root).exit_code == 0

    def test_what_is_no_method_is_told(self, project: ProjectFolder) -> None:
        project.write(FILE, f"{PLAIN}\n    upgrade = 'INSERT INTO t VALUES (1)'\n")

        assert "Load.upgrade cannot be called with a connection" in refusal(project)

    @pytest.mark.parametrize(
        "definition",
        [
            "def upgrade(self, conn): pass",
            "def upgrade(self, conn): ...",
            "def upgrade(self, conn):\n        'It will load terms.'",
            "def upgrade(self, conn) -> None:\n        'It will.'\n\n        pass  # later",
            "upgrade = _Base.empty",
        ],
    )
    def test_an_upgrade_that_nobody_has_written_is_told(
        self, project: ProjectFolder, definition: str
    ) -> None:
        base = "class _Base:\n    def empty(self, conn):\n        pass\n\n\n"
        project.write(
            FILE, f"{PLAIN}\n    {definition}\n".replace("class Load", f"{base}class Load")
        )

        assert re.sub(r":\d+", "", refusal(project)) == (
            f"Error: {FILE}: Load.upgrade is still empty.\n"
            "Write what it is to do. If it is meant to do nothing, write 'return'.\n"
        )

    def test_a_file_in_the_style_of_alembic_is_told(self, project: ProjectFolder) -> None:
        project.write(
            FILE,
            "from alembic import op\nrevision = 'a1'\ndown_revision = None\n\n"
            "def upgrade():\n    op.execute('SELECT 1')\n\ndef downgrade():\n    pass\n",
        )

        assert refusal(project) == (
            f"Error: {FILE}: contains no DataMigration; it is written like a revision of Alembic.\n"
            "Put upgrade into a class that derives from DataMigration, as 'delembic revision'"
            " generates it. If it changes the schema, move the file to Alembic's versions.\n"
        )

    def test_a_generated_file_is_refused_until_it_is_filled_in(
        self, project: ProjectFolder
    ) -> None:
        run("revision", "-m", "load", cwd=project.root)
        file = project.versions / "D002_load.py"

        assert "Load.upgrade is still empty." in refusal(project)

        file.write_text(file.read_text().replace("pass", "return", 1))
        assert run("upgrade", cwd=project.root).exit_code == 0

    def test_an_applied_migration_may_be_empty(self, project: ProjectFolder) -> None:
        project.migration("D001", "return", validate="return")
        project.upgrade()
        project.migration("D001", "pass", validate="return")

        assert run("verify", cwd=project.root).exit_code == 0
        assert run("upgrade", cwd=project.root).exit_code == 0

    def test_a_downgrade_is_told(self, project: ProjectFolder) -> None:
        project.write(FILE, f"{PLAIN}\n    def downgrade(self, conn):\n        return\n")

        assert refusal(project) == (
            f"Error: {FILE}:3: Load has a downgrade, which delembic never calls.\n"
            "Remove it. To undo a migration that is applied, write a new one that does so.\n"
        )

    @pytest.mark.parametrize(("start", "body"), [("async def", "pass"), ("def", "yield")])
    def test_a_method_whose_call_would_do_nothing_is_told(
        self, project: ProjectFolder, start: str, body: str
    ) -> None:
        project.write(FILE, f"{PLAIN}\n    {start} validate(self, conn):\n        {body}\n")

        assert refusal(project) == (
            f"Error: {FILE}:3: Load.validate is async or contains a yield.\n"
            "Make it a plain function; as it is, calling it does nothing.\n"
        )

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("raise KeyError('HOST')", "KeyError: 'HOST'"),
            ("raise SystemExit", "SystemExit: raise SystemExit (D002.py:12)"),
        ],
    )
    def test_a_constructor_that_raises_is_told(
        self, project: ProjectFolder, body: str, reason: str
    ) -> None:
        project.write(FILE, f"{PLAIN}\n    def __init__(self):\n        {body}\n")

        assert refusal(project) == (
            f"Error: {FILE}:3: Load cannot be instantiated: {reason}.\n"
            "Define no __init__, or one that needs no arguments and raises no error.\n"
        )


class TestApplied:
    """What is applied hinders nothing, whatever has become of its file."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (PLAIN, f"import long_gone\n{PLAIN}"),
            (PLAIN, f"raise SystemExit(3)\n{PLAIN}"),
            (PLAIN, f"from long_gone import Base\n{PLAIN.replace('(DataM', '(Base, DataM')}"),
            (PLAIN, PLAIN.replace('"load"', "long_gone.TEXT")),
            ('description = "load"', "description = 1; tags = 2; owners = 3; group = 4"),
            ('description = "load"', "tags = {['a']: 'b'}"),
            ("upgrade(self, conn)", "upgrade(self)"),
            ("def upgrade", "async def upgrade"),
            ("upgrade", "__init__"),
            ('["D001"]', '["D001", "long_gone"]'),
        ],
    )
    def test_a_file_that_could_not_be_run_again_is_no_obstacle(
        self, project: ProjectFolder, old: str, new: str
    ) -> None:
        project.write(FILE, PLAIN)
        assert run("upgrade", cwd=project.root).exit_code == 0
        _write(project, old, new)
        project.migration("D003", depends_on=("D002",))

        assert run("upgrade", cwd=project.root).exit_code == 0
        assert project.states() == {"D001": "applied", "D002": "applied", "D003": "applied"}

    def test_what_is_pending_but_not_asked_for_is_no_obstacle(self, project: ProjectFolder) -> None:
        project.write(FILE, f"import long_gone\n{PLAIN}")

        assert run("upgrade", "D001", cwd=project.root).exit_code == 0
