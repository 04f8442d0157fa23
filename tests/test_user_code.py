"""The boundary between delembic and the code of its users."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from delembic.causes import describe
from delembic.errors import ConfigurationError
from delembic.user_code import import_source, user_code


class TestBoundary:
    @pytest.mark.parametrize(
        ("raised", "text"),
        [
            (ValueError("bad row"), "ValueError: bad row"),
            (KeyError("name"), "KeyError: 'name'"),
            (SystemExit(3), "SystemExit: 3"),
        ],
    )
    def test_whatever_is_raised_becomes_an_error_of_delembic(
        self, raised: BaseException, text: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught, user_code(ConfigurationError):
            raise raised

        assert caught.value.message == text
        assert caught.value.__cause__ is raised

    @pytest.mark.parametrize("raised", [KeyboardInterrupt, GeneratorExit])
    def test_what_the_operator_says_passes(self, raised: type[BaseException]) -> None:
        with pytest.raises(raised), user_code(ConfigurationError):
            raise raised

    def test_code_that_raises_nothing_is_left_alone(self) -> None:
        with user_code(ConfigurationError):
            value = describe(ValueError("bad row"))

        assert value == "ValueError: bad row"


class TestImporting:
    @pytest.fixture(autouse=True)
    def _own_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "path", [*sys.path])

    def test_what_runs_are_the_bytes_that_were_given(self, tmp_path: Path) -> None:
        path = tmp_path / "D001.py"
        path.write_text("x = 'from the disk'")

        assert vars(import_source(path, tmp_path, b"x = 'given'"))["x"] == "given"

    def test_the_same_bytes_run_once_and_others_again(self, tmp_path: Path) -> None:
        path = tmp_path / "D001.py"

        first = import_source(path, tmp_path, b"x = []")

        assert import_source(path, tmp_path, b"x = []") is first
        assert import_source(path, tmp_path, b"x = [1]") is not first

    def test_the_module_knows_its_file_and_its_package(self, tmp_path: Path) -> None:
        module = import_source(tmp_path / "D001.py", tmp_path, b"")

        assert module.__file__ == str(tmp_path / "D001.py")
        assert module.__package__
        assert module.__name__ == f"{module.__package__}.D001"
        assert sys.modules[module.__name__] is module

    def test_files_of_one_folder_share_a_package_and_folders_do_not(self, tmp_path: Path) -> None:
        paths = [tmp_path / "a" / "D001.py", tmp_path / "a" / "D002.py", tmp_path / "b" / "D001.py"]

        first, second, other = [import_source(path, tmp_path, b"").__package__ for path in paths]

        assert first == second != other

    def test_a_file_in_a_subfolder_finds_helpers_beside_and_above_it(self, tmp_path: Path) -> None:
        for folder in (tmp_path / "a.b" / "c d", tmp_path / "e"):
            folder.mkdir(parents=True)
        (tmp_path / "_top.py").write_text("found = []")
        (tmp_path / "a.b" / "_above.py").write_text("found = ['above']")
        (tmp_path / "a.b" / "c d" / "_beside.py").write_text("found = ['beside']")
        (tmp_path / "e" / "_aside.py").write_text("found = ['aside']")

        deep = import_source(
            tmp_path / "a.b" / "c d" / "D001.load.py",
            tmp_path,
            b"from ._beside import found as x; from .._above import found as y\n"
            b"from ..._top import found as z; from ...e._aside import found as w",
        )
        flat = import_source(tmp_path / "D002.py", tmp_path, b"from ._top import found as z")

        found = [vars(deep)[name] for name in "xyzw"]
        assert found == [["beside"], ["above"], [], ["aside"]]
        assert vars(deep)["z"] is vars(flat)["z"]

    def test_folders_whose_names_differ_by_a_dot_have_helpers_of_their_own(
        self, tmp_path: Path
    ) -> None:
        values = []
        for name in ("v1.2", "v1_2"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "_own.py").write_text(f"name = {name!r}")
            module = import_source(tmp_path / name / "D001.py", tmp_path, b"from ._own import name")
            values.append(vars(module)["name"])

        assert values == ["v1.2", "v1_2"]

    def test_a_file_outside_of_the_root_finds_helpers_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "_own.py").write_text("found = True")

        module = import_source(
            tmp_path / "shared" / "D001.py", tmp_path / "root", b"from ._own import found"
        )

        assert vars(module)["found"]

    def test_a_file_that_raises_leaves_no_module_behind(self, tmp_path: Path) -> None:
        before = set(sys.modules)

        with pytest.raises(KeyboardInterrupt):
            import_source(tmp_path / "D001.py", tmp_path, b"raise KeyboardInterrupt")

        assert {name for name in set(sys.modules) - before if name.endswith("D001")} == set()

    def test_the_root_is_in_front_of_the_path_and_only_once(self, tmp_path: Path) -> None:
        import_source(tmp_path / "D001.py", tmp_path, b"")
        import_source(tmp_path / "D002.py", tmp_path, b"")

        assert sys.path[0] == str(tmp_path)
        assert sys.path.count(str(tmp_path)) == 1

    def test_classes_can_be_found_by_their_modules_name(self, tmp_path: Path) -> None:
        import pickle

        module = import_source(tmp_path / "D001.py", tmp_path, b"class Row:\n    pass\n")

        row = pickle.loads(pickle.dumps(vars(module)["Row"]()))

        assert type(row) is vars(module)["Row"]
