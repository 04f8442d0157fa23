"""What a database holds, and what has changed in it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from delembic.testing.content import Change, Content, changes, described, read_content
from support.projects import ProjectFolder
from support.servers.backend import Backend


def content(url: str, *statements: str) -> Content:
    """What is there once some statements have been carried out."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)
    with engine.connect() as conn:
        return read_content(conn)


def test_rows_are_told_as_often_as_they_are_there(backend: Backend) -> None:
    before = content(backend.url, "CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (1), (1)")
    after = content(backend.url, "INSERT INTO t VALUES (1), (2)", "UPDATE t SET x = 3 WHERE x = 2")

    assert changes(before, after) == {"t": Change(added=[(1,), (3,)])}
    assert changes(after, before) == {"t": Change(removed=[(1,), (3,)])}
    assert changes(after, content(backend.url)) == {}


def test_an_updated_row_is_removed_and_added(sqlite_url: str) -> None:
    before = content(sqlite_url, "CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (1)")

    after = content(sqlite_url, "UPDATE t SET x = 2")

    assert changes(before, after) == {"t": Change(added=[(2,)], removed=[(1,)])}


def test_tables_that_come_go_or_change_are_told_even_if_they_are_empty(backend: Backend) -> None:
    before = content(backend.url, "CREATE TABLE gone (x INTEGER)", "CREATE TABLE wider (x INTEGER)")

    after = content(
        backend.url,
        "DROP TABLE gone",
        "CREATE TABLE come (x INTEGER)",
        "ALTER TABLE wider ADD COLUMN y INTEGER",
    )

    assert changes(before, after) == {
        "come": Change(table="created"),
        "gone": Change(table="dropped"),
        "wider": Change(table="altered"),
    }


def test_names_that_need_quotes_are_no_trouble(backend: Backend) -> None:
    quote = "`" if backend.name == "mariadb" else '"'
    name = f"{quote}Order by{quote}"

    seen = content(
        backend.url, f"CREATE TABLE {name} (x INTEGER)", f"INSERT INTO {name} VALUES (1)"
    )

    assert seen["Order by"].rows == [(1,)]


def test_what_cannot_be_hashed_is_compared_all_the_same(postgresql_url: str) -> None:
    before = content(
        postgresql_url,
        "CREATE TABLE t (j JSONB, a INTEGER[])",
        "INSERT INTO t VALUES ('{}', '{1}')",
    )

    after = content(postgresql_url, "UPDATE t SET a = '{2}'")

    assert changes(before, after) == {"t": Change(added=[({}, [2])], removed=[({}, [1])])}


def test_every_schema_of_postgresql_is_looked_at(postgresql_url: str) -> None:
    before = content(postgresql_url, "CREATE SCHEMA archive", "CREATE TABLE archive.t (x INTEGER)")

    after = content(postgresql_url, "INSERT INTO archive.t VALUES (1)")

    assert changes(before, after) == {"archive.t": Change(added=[(1,)])}


def test_the_records_of_delembic_do_not_count(tmp_path: Path, postgresql_url: str) -> None:
    folder = ProjectFolder(tmp_path / "project", postgresql_url)
    folder.configure(lock="lease")
    folder.migration("D001")
    folder.upgrade()

    assert content(postgresql_url) == {}


def test_a_long_change_is_told_by_its_first_rows() -> None:
    change = Change(added=[(number,) for number in range(5)], removed=[("x",)], table="altered")

    assert described({"t": change}) == (
        "t: altered; 5 rows more: (0,), (1,), (2,) and 2 others; 1 row fewer: ('x',)"
    )
