"""The drawing in ``docs/architecture.md`` is what the code is. import-linter holds its arrows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import ROOT

PACKAGES = ("delembic", "delembic_dagster")
DRAWING = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]

SQL = re.compile(r"\.(?:execute|exec_driver_sql)\(|execute_reconnecting\(")
MAY_SEND_SQL = (
    "delembic/audit/",
    "delembic/batches/",
    "delembic/database/connections.py",
    "delembic/database/dialects/",
    "delembic/loading/bulk.py",  # the example in its docstring
    "delembic/locks/lease.py",
    "delembic/migration.py",  # the example in its docstring
    "delembic/testing/",
    "delembic_dagster/component/component.py",  # `execute` is Dagster's name for what a body does
)
ASKS_FOR_A_DIALECT = re.compile(r"(?:dialect\.name|get_backend_name\(\)) *(?:==|!=|in )")

LONGEST_MODULE_LINES = 300
LONGEST_FUNCTION_LINES = 40


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _drawn() -> list[str]:
    """The paths in the drawing, from its indentation."""
    found: list[str] = []
    for block in re.findall(r"```\n(.*?)```", DRAWING, re.DOTALL):
        folders: list[str] = []
        for line in block.splitlines():
            indent = (len(line) - len(line.lstrip())) // 2
            names, *_ = re.split(r"\s{2,}", line.strip())
            for name in re.findall(r"[\w]+(?:\.py|/)", names):
                path = "".join([*folders[:indent], name])
                found.append(path)
                if name.endswith("/"):
                    folders[indent:] = [name]
    return found


def test_every_module_is_in_the_drawing() -> None:
    drawn = set(_drawn())
    modules = {_name(path) for path in MODULES if not path.name.startswith("__")}
    whole_folders = tuple(
        folder
        for folder in drawn
        if folder.endswith("/") and not any(p.startswith(folder) and p != folder for p in drawn)
    )

    assert not [name for name in modules - drawn if not name.startswith(whole_folders)]


def test_everything_in_the_drawing_is_there() -> None:
    assert [path for path in _drawn() if not (ROOT / path).exists()] == []


def test_statements_of_delembics_own_are_sent_from_a_few_rooms() -> None:
    senders = [_name(path) for path in MODULES if SQL.search(path.read_text(encoding="utf-8"))]

    assert [name for name in senders if not name.startswith(MAY_SEND_SQL)] == []


def test_only_the_room_of_the_dialects_asks_which_database_it_is() -> None:
    asking = [_name(path) for path in MODULES if ASKS_FOR_A_DIALECT.search(path.read_text("utf-8"))]

    assert [name for name in asking if not name.startswith("delembic/database/dialects/")] == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_and_its_functions_can_be_seen_at_once(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) < LONGEST_MODULE_LINES
    assert [name for name, lines in _functions(source) if lines > LONGEST_FUNCTION_LINES] == []


def _functions(source: str) -> Iterator[tuple[str, int]]:
    """Functions with the lines of their bodies, docstrings left out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield node.name, (node.end_lineno or 0) - body[0].lineno + 1
