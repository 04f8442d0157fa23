"""What a migration tells about its work stands in the audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from delembic import MigrationFailedError, commands
from delembic.events import Finished
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.shell import run

HEAD = "import datetime, decimal, fractions"


def _kept(project: ProjectFolder) -> Any:
    (outcome,) = project.upgrade()
    assert isinstance(outcome, Finished)
    (entry,) = commands.runs(project.config)
    assert (entry.metadata or {}) == outcome.metadata
    return entry.metadata


def _project(url: str, tmp_path: Path, upgrade: str, **options: Any) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", url)
    project.migration("D001", upgrade, head=HEAD, **options)
    return project


def test_both_ways_lead_there(backend: Backend, tmp_path: Path) -> None:
    project = _project(
        backend.url,
        tmp_path,
        "self.metadata['source'] = '5 Ω'\nself.metadata['loaded'] = 1\nreturn {'loaded': 2}",
        validate="self.metadata['checked'] = True",
    )

    assert _kept(project) == {"source": "5 Ω", "loaded": 2, "checked": True}


@pytest.mark.parametrize("answer", ["None", "5", "'text'", "{}", "[('a', 1)]"])
def test_anything_but_a_mapping_tells_nothing(sqlite_url: str, tmp_path: Path, answer: str) -> None:
    assert _kept(_project(sqlite_url, tmp_path, f"return {answer}")) is None


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("1.5", 1.5),
        ("None", None),
        ("float('nan')", "nan"),
        ("decimal.Decimal('1.10')", "1.10"),
        ("datetime.date(2024, 1, 15)", "2024-01-15"),
        ("(1, {'a': {2}})", [1, {"a": [2]}]),
        ("b'x'", "b'x'"),
        (r"'a\x00b\ud800'", r"a\x00b\ud800"),
        ("'postgresql://ann:tiger@db'", "postgresql://ann:***@db"),
        ("'x' * 9_000", "x" * 1_999 + "…"),
        ("[1] * 9_000", ("[" + "1, " * 1_000)[:1_999] + "…"),
    ],
)
def test_a_value_is_one_of_json_and_bounded(
    sqlite_url: str, tmp_path: Path, value: str, kept: object
) -> None:
    assert _kept(_project(sqlite_url, tmp_path, f"return {{'it': {value}}}")) == {"it": kept}


def test_all_of_it_is_bounded_too(backend: Backend, tmp_path: Path) -> None:
    project = _project(backend.url, tmp_path, "return {n: '\U0001f34e' * 50 for n in range(9_000)}")

    kept = _kept(project)

    assert kept["0"] == "\U0001f34e" * 50
    assert len(json.dumps(kept)) <= 20_000 + 2


def test_a_class_may_call_something_else_metadata(sqlite_url: str, tmp_path: Path) -> None:
    project = _project(sqlite_url, tmp_path, "return {'a': self.metadata.tables and 1}")
    file = project.versions / "D001.py"
    own = "    from sqlalchemy import MetaData\n    metadata = MetaData()\n    def upgrade"
    file.write_text(file.read_text().replace("    def upgrade", own))

    assert list(_kept(project)) == ["a"]


def test_a_value_without_a_text_fails_the_migration(sqlite_url: str, tmp_path: Path) -> None:
    project = _project(
        sqlite_url, tmp_path, "return {'a': type('Odd', (), {'__str__': lambda self: 1 / 0})()}"
    )

    with pytest.raises(MigrationFailedError, match="ZeroDivisionError"):
        project.upgrade()


def test_it_is_told_outside_of_a_transaction_too(sqlite_url: str, tmp_path: Path) -> None:
    project = _project(sqlite_url, tmp_path, "return {'a': 1}")
    file = project.versions / "D001.py"
    file.write_text(file.read_text().replace("    def up", "    transaction = False\n    def up"))

    assert _kept(project) == {"a": 1}


def test_show_prints_it_below_the_attempt(sqlite_url: str, tmp_path: Path) -> None:
    project = _project(sqlite_url, tmp_path, "return {'source': 'a.csv', 'rejected': [1]}")
    project.upgrade()

    out = run("show", "D001", cwd=project.root).out

    assert out.endswith("\n    source: a.csv\n    rejected: [1]\n")
