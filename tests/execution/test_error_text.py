"""What the audit log keeps of an error, however long the statement is that caused it."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic import MigrationFailedError, commands
from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.shell import run

TABLE = "from sqlalchemy import Column, Integer, MetaData, String, Table, select, text\n"
TABLE += "t = Table('t', MetaData(), Column('x', Integer), Column('y', String(20)))"
LONG = {
    "many rows": "conn.execute(t.insert().values([{'x': n, 'y': 'a'} for n in [*range(900), 1]]))",
    "many rows as text": """
        rows = ",\\n".join(f"({n}, 'a')" for n in [*range(5_000), 1])
        conn.exec_driver_sql(f"INSERT INTO t (x, y) VALUES {rows}")
    """,
    "a long list": "conn.execute(select(t.c.nowhere_at_all if 0 else text('nowhere')).where("
    "t.c.x.in_(range(9_000))))",
    "a document": """
        document = "[SQL: a ] (b) \\n" * 9_000
        conn.execute(text("INSERT INTO nowhere VALUES ('" + document.replace(":", r"\\:") + "')"))
    """,
    "wrapped by the user": """
        try:
            conn.exec_driver_sql("INSERT INTO nowhere VALUES ('" + "a" * 90_000 + "')")
        except Exception as error:
            raise RuntimeError(f"load failed: {error}") from error
    """,
    "a message without a statement": "raise ValueError('begin ' + 'a' * 90_000 + ' end')",
}


@pytest.mark.parametrize("body", LONG.values(), ids=LONG.keys())
def test_traceback_type_and_message_are_kept_whole(
    backend: Backend, tmp_path: Path, body: str
) -> None:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, y VARCHAR(20))")
    project.migration("D001", body, head=TABLE)

    with pytest.raises(MigrationFailedError) as failure:
        project.upgrade()

    (entry,) = commands.runs(project.config)
    kept = entry.exception or ""
    assert len(kept) < (60_000 if "ValueError" in body else 25_000)
    assert kept.startswith("Traceback (most recent call last):\n")
    assert 'D001.py", line ' in kept
    assert "characters left out …" in kept
    message = failure.value.reason.splitlines()[0].removesuffix("…")
    assert message in kept
    assert entry.reason.startswith(message)


def test_the_traceback_on_the_screen_is_no_longer(sqlite_url: str, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.migration("D001", LONG["wrapped by the user"])

    ran = run("--debug", "upgrade", cwd=project.root)

    assert "characters left out …" in ran.err
    assert len(ran.err) < 25_000
