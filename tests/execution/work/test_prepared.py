"""A transaction that is prepared for a two-phase commit is taken back: nothing of it may stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from delembic.errors import MigrationFailedError
from delembic.events import Failed
from support.projects import ProjectFolder

INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"
PREPARE = """conn.exec_driver_sql("PREPARE TRANSACTION 'the user''s'")"""
END = "from support.sessions import end_all_sessions; end_all_sessions({!r})"


@pytest.fixture
def project(postgresql_url: str, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", postgresql_url)
    project.execute("CREATE TABLE t (x INTEGER)")
    if project.value("SHOW max_prepared_transactions") == "0":
        pytest.skip("the server prepares no transactions")
    return project


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ("pass", "has prepared its transaction"),
        ("conn.commit()", "has prepared its transaction"),
        ("raise ValueError('no rows')", "no rows"),
        (END, "has prepared its transaction|terminat|closed"),
    ],
    ids=["returns", "commits", "raises", "loses its session"],
)
def test_it_is_rolled_back_and_the_attempt_fails(
    project: ProjectFolder, then: str, reason: str
) -> None:
    project.migration("D001", f"{INSERT}\n{PREPARE}\n{then.format(project.url)}")

    with pytest.raises(MigrationFailedError, match=reason):
        project.upgrade()

    (failed,) = [event for event in project.events if isinstance(event, Failed)]
    assert failed.rolled_back
    assert project.value("SELECT count(*) FROM pg_prepared_xacts") == 0
    assert project.value("SELECT count(*) FROM t") == 0
    assert project.statuses() == ["failed"]


def test_one_of_somebody_else_stays(project: ProjectFolder) -> None:
    project.execute("CREATE TABLE theirs (x INTEGER)", "PREPARE TRANSACTION 'theirs'")
    project.migration("D001", f"{INSERT}\n{PREPARE}")

    with pytest.raises(MigrationFailedError):
        project.upgrade()

    names = [row.gid for row in project.rows("SELECT gid FROM pg_prepared_xacts")]
    with project.connection() as conn:
        conn.exec_driver_sql("COMMIT")
        conn.connection.driver_connection.autocommit = True  # type: ignore[union-attr]
        conn.exec_driver_sql("ROLLBACK PREPARED 'theirs'")
    assert names == ["theirs"]


@pytest.mark.parametrize("end", ["", "XA END 'a'", "XA END 'a'; XA PREPARE 'a'"])
def test_mariadb_has_committed_what_was_before_an_xa_transaction(
    mariadb_url: str, tmp_path: Path, end: str
) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    project.execute("CREATE TABLE t (x INTEGER)")
    begun = ["COMMIT", "XA START 'a'", "INSERT INTO t VALUES (2)"]
    statements = [*begun, *filter(None, end.split("; "))]
    sent = "\n".join(f"conn.exec_driver_sql({each!r})" for each in statements)
    project.migration("D001", f"{INSERT}\n{sent}")

    with pytest.raises(MigrationFailedError, match="committed some of its work itself"):
        project.upgrade()
    if "PREPARE" in end:
        _roll_back_prepared(mariadb_url)

    assert [row.x for row in project.rows("SELECT x FROM t")] == [1]
    assert project.statuses() == ["failed"]


def _roll_back_prepared(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql("XA ROLLBACK 'a'")
