"""The mark of a success is in its table, or nothing is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from delembic.errors import MigrationFailedError
from support.projects import ProjectFolder
from support.servers.backend import Backend

ONE = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"
SHADOW = """
conn.exec_driver_sql(
    "CREATE TEMPORARY TABLE delembic_version (revision VARCHAR(255), applied_at VARCHAR(50),"
    " status VARCHAR(50), execution_time_seconds FLOAT, run_id VARCHAR(36), checksum VARCHAR(64))"
)
"""
SWALLOWING = {
    "sqlite": [
        "CREATE TRIGGER x BEFORE INSERT ON delembic_version BEGIN SELECT RAISE(IGNORE); END"
    ],
    "postgresql": [
        "CREATE FUNCTION x() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER x BEFORE INSERT ON delembic_version FOR EACH ROW EXECUTE FUNCTION x()",
    ],
}


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", backend.url)
    project.execute("CREATE TABLE t (x INTEGER)")
    return project


def test_a_temporary_table_of_its_name_takes_no_mark(
    project: ProjectFolder, backend: Backend
) -> None:
    project.migration("D001", f"{ONE}{SHADOW}")

    if backend.name == "mariadb":
        with pytest.raises(MigrationFailedError, match="a temporary table of the same name"):
            project.upgrade()
        project.migration("D001", ONE)
        project.upgrade()
    else:
        project.upgrade()
        project.upgrade()

    assert project.value("SELECT count(*) FROM t") == 1
    assert project.marks()["D001"].status == "success"


def test_a_trigger_that_swallows_it_fails_the_attempt(
    project: ProjectFolder, backend: Backend
) -> None:
    if backend.name not in SWALLOWING:
        pytest.skip("a trigger of MySQL cannot swallow a row")
    project.migration("D000")
    project.upgrade()
    project.execute(*SWALLOWING[backend.name])
    project.migration("D001", ONE)

    for _ in range(2):
        with pytest.raises(MigrationFailedError, match="Look for a trigger"):
            project.upgrade()

    assert project.value("SELECT count(*) FROM t") == 0
    assert project.statuses("D001") == ["failed", "failed"]


def test_a_failure_of_another_run_is_written_over(project: ProjectFolder) -> None:
    """It may have come meanwhile, under another kind of lock."""
    project.migration(
        "D001",
        f"""
        {ONE}
        import sqlalchemy as sa
        if conn.dialect.name != "sqlite":
            engine = sa.create_engine({project.url!r}, poolclass=sa.pool.NullPool)
            with engine.begin() as other:
                other.exec_driver_sql(
                    "INSERT INTO delembic_version (revision, status) VALUES ('D001', 'failed')"
                )
        """,
    )

    project.upgrade()

    assert project.value("SELECT count(*) FROM t") == 1
    assert project.marks()["D001"].status == "success"
