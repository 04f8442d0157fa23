"""A failing migration leaves the database as it was, byte for byte in a dump; the retry works."""

from __future__ import annotations

import pytest

from support.torture.arena import Arena, Project
from support.torture.dump import dump
from support.torture.effects import FAULT
from support.torture.runners import start
from support.torture.sizes import IS_QUICK

RAISE = f"if os.path.exists({FAULT!r}): raise ValueError('bad row')"
EXIT = f"if os.path.exists({FAULT!r}): sys.exit('bad row')"
BAD_SQL = f"if os.path.exists({FAULT!r}): conn.exec_driver_sql('INSERT INTO nowhere VALUES (1)')"

ROWS = """
conn.exec_driver_sql("INSERT INTO stock VALUES (4, 'four')")
conn.exec_driver_sql("UPDATE stock SET name = 'changed' WHERE id = 1")
conn.exec_driver_sql("DELETE FROM stock WHERE id = 2")
"""
DDL = """
conn.exec_driver_sql("CREATE TABLE made (id INTEGER)")
conn.exec_driver_sql("ALTER TABLE stock ADD COLUMN colour VARCHAR(10)")
conn.exec_driver_sql("UPDATE stock SET colour = 'red'")
conn.exec_driver_sql("ALTER TABLE stock RENAME TO goods")
conn.exec_driver_sql("DROP TABLE spare")
conn.exec_driver_sql("CREATE VIEW seen AS SELECT name FROM goods")
"""
INDEXES = """
conn.exec_driver_sql("CREATE UNIQUE INDEX made_index ON stock (name)")
conn.exec_driver_sql("DROP INDEX stock_name")
"""
COPY = """
cursor = conn.connection.driver_connection.cursor()
if conn.dialect.name == "postgresql":
    with cursor.copy("COPY stock FROM STDIN") as copy:
        for id in range(10, 200): copy.write_row((id, "copied"))
else:
    place = "?" if conn.dialect.name == "sqlite" else "%s"
    rows = [(id, "copied") for id in range(10, 200)]
    cursor.executemany(f"INSERT INTO stock VALUES ({place}, {place})", rows)
"""
SAVEPOINTS = """
with conn.begin_nested():
    conn.exec_driver_sql("INSERT INTO stock VALUES (4, 'four')")
    with conn.begin_nested() as inner:
        conn.exec_driver_sql("DELETE FROM stock")
        inner.rollback()
"""
EXECUTEMANY = """
from sqlalchemy import text
rows = [{"id": id, "name": "many"} for id in range(10, 200)]
conn.execute(text("INSERT INTO stock VALUES (:id, :name)"), rows)
"""
WORK = {
    "rows": ROWS,
    "tables": DDL,
    "indexes": INDEXES,
    "COPY": COPY,
    "savepoints": SAVEPOINTS,
    "executemany": EXECUTEMANY,
}
ENDS = (RAISE, "", BAD_SQL, EXIT)
"""How a migration fails; without an end of its own it is `validate` that raises."""
REPEATABLE_DDL = (
    "CREATE TABLE IF NOT EXISTS made (id INTEGER)",
    "CREATE INDEX IF NOT EXISTS made ON stock (name)",
)


@pytest.mark.parametrize("work", WORK)
def test_a_failure_leaves_the_database_as_it_was(arena: Arena, work: str) -> None:
    if arena.backend.name == "mariadb" and work in ("tables", "indexes"):
        pytest.skip("MariaDB commits before and after each DDL statement")
    for end in (ENDS[[*WORK].index(work) % len(ENDS)],) if IS_QUICK else ENDS:
        project = _project(arena, WORK[work], end, validate=RAISE)
        before = dump(arena.backend.name, project.url)
        project.fault.touch()

        failing = start(project.root)
        assert failing.wait() == 1, failing.said

        assert "was rolled back" in failing.said
        assert project.statuses() == ["failed"]
        assert dump(arena.backend.name, project.url) == before
        arena.figures.add(faults=1)

        project.fault.unlink()
        project.recover()
        project.judge()
        assert dump(arena.backend.name, project.url) != before


@pytest.mark.parametrize("statement", REPEATABLE_DDL)
def test_where_ddl_commits_by_itself_that_is_said_and_the_retry_works(
    arena: Arena, statement: str
) -> None:
    """At least once is the promise there: what came before the statement may be done twice."""
    if arena.backend.name != "mariadb":
        pytest.skip("its DDL rolls back like anything else")
    project = _project(arena, f"conn.exec_driver_sql({statement!r})", RAISE)
    project.fault.touch()

    failing = start(project.root)

    assert failing.wait() == 1, failing.said
    assert "The migration committed some of its work itself" in failing.said
    assert project.statuses() == ["failed"]
    project.fault.unlink()
    project.execute("DELETE FROM effect")  # or `validate` would find two
    project.recover()
    assert project.statuses() == ["failed", "success"]
    arena.figures.add(faults=1)


def _project(arena: Arena, work: str, end: str, validate: str = "") -> Project:
    """One whose database has something in it already.

    The work is the first thing in the migration, as drivers begin some transactions late.
    """
    project = arena.project(end, first=work, validate=validate)
    project.execute(
        "DROP VIEW IF EXISTS seen",
        *(f"DROP TABLE IF EXISTS {table}" for table in ("stock", "goods", "spare", "made")),
        "CREATE TABLE stock (id INTEGER PRIMARY KEY, name VARCHAR(20))",
        "CREATE TABLE spare (id INTEGER)",
        "CREATE INDEX stock_name ON stock (name)",
        "INSERT INTO stock VALUES (1, 'one'), (2, 'two'), (3, 'three')",
        "INSERT INTO spare VALUES (7)",
    )
    return project
