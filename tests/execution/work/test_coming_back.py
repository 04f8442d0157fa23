"""The mark of a migration is where the project's marks are, wherever the migration has worked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from delembic.events import Finished
from support.projects import ProjectFolder
from support.servers.databases import Databases

BY_OPTION = """
conn.execution_options(schema_translate_map={None: "ELSEWHERE"})
conn.execute(sa.insert(sa.Table("t", sa.MetaData(), sa.Column("x", sa.Integer))), {"x": 1})
"""
BY_SESSION = """
conn.exec_driver_sql("MOVE ELSEWHERE")
conn.exec_driver_sql("INSERT INTO t VALUES (1)")
"""


@pytest.fixture
def postgresql_schema(postgresql_url: str, tmp_path: Path) -> tuple[ProjectFolder, str]:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE SCHEMA elsewhere")
    return project, "elsewhere"


@pytest.fixture
def mariadb_schema(
    mariadb_url: str, mariadb_databases: Databases, tmp_path: Path
) -> Iterator[tuple[ProjectFolder, str]]:
    with mariadb_databases.fresh() as elsewhere:
        assert elsewhere.database
        yield ProjectFolder(tmp_path / "project", mariadb_url), elsewhere.database


@pytest.mark.parametrize(
    ("schema", "like", "upgrade"),
    [
        ("postgresql", "(LIKE delembic_version)", BY_OPTION),
        ("postgresql", "(LIKE delembic_version)", BY_SESSION.replace("MOVE", "SET search_path TO")),
        (
            "postgresql",
            "(LIKE delembic_version)",
            BY_SESSION.replace("MOVE", "SET LOCAL search_path TO"),
        ),
        ("mariadb", "LIKE delembic_version", BY_OPTION),
        ("mariadb", "LIKE delembic_version", BY_SESSION.replace("MOVE", "USE")),
    ],
    ids=["option", "search_path", "local search_path", "mariadb-option", "use"],
)
def test_a_migration_that_works_beside_the_marks_of_others_takes_effect_once(
    request: pytest.FixtureRequest, schema: str, like: str, upgrade: str
) -> None:
    project, elsewhere = request.getfixturevalue(f"{schema}_schema")
    project.migration("D001")
    project.upgrade()
    project.execute(
        f"CREATE TABLE {elsewhere}.t (x INTEGER)",
        f"CREATE TABLE {elsewhere}.delembic_version {like}",
    )
    project.migration(
        "D002", upgrade.replace("ELSEWHERE", elsewhere), head="import sqlalchemy as sa"
    )

    (outcome,) = project.upgrade()
    again = project.upgrade()

    assert isinstance(outcome, Finished)
    assert again == ()
    assert project.states() == {"D001": "applied", "D002": "applied"}
    assert project.value(f"SELECT count(*) FROM {elsewhere}.t") == 1
    assert project.value(f"SELECT count(*) FROM {elsewhere}.delembic_version") == 0


def test_the_next_migration_begins_at_home_whatever_pool_the_users_engine_has(
    postgresql_schema: tuple[ProjectFolder, str],
) -> None:
    project, elsewhere = postgresql_schema
    project.migration("D001")
    project.upgrade()
    project.execute(
        "CREATE TABLE t (x INTEGER)",
        f"CREATE TABLE {elsewhere}.t (x INTEGER)",
        f"CREATE TABLE {elsewhere}.delembic_version (LIKE delembic_version)",
    )
    project.write(
        "delembic/env.py",
        f"""
        import sqlalchemy as sa
        engine = sa.create_engine({project.url!r}, pool_size=1)
        def get_engine():
            return engine
        """,
    )
    project.write("delembic.ini", "[delembic]\nscript_location = delembic\n")
    project.migration("D002", f"conn.exec_driver_sql('SET search_path TO {elsewhere}')")
    project.migration("D003", "conn.exec_driver_sql('INSERT INTO t VALUES (1)')")

    project.upgrade()

    assert set(project.states().values()) == {"applied"}
    assert project.value("SELECT count(*) FROM t") == 1
    assert project.value(f"SELECT count(*) FROM {elsewhere}.delembic_version") == 0
