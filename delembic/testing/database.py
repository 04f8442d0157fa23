"""A database of a test's own: looked at before a migration and after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Row, make_url, text

from delembic.audit.marks import applied_revisions, read_marks
from delembic.config import CONFIG_NAME, Config
from delembic.database.connections import connect
from delembic.database.dialects import kind_of
from delembic.database.engines import engine_of
from delembic.database.urls import masked
from delembic.errors import ConfigurationError
from delembic.testing.content import Change, Content, changes, described, read_content

_KEPT = ("script_location", "alembic_config", "hide_parameters")
"""The settings that go with the files; the others go with the database, and tests have another."""


class FreshDatabase:
    """The database that a test hands over, in the place of the one that ``delembic.ini`` names.

    Args:
        project: The settings, or the path of ``delembic.ini`` or of its folder.
        url: Of an empty database, which belongs to the test. No database in memory: each run opens
            connections of its own.

    Attributes:
        config: The project's settings with the test's database, for `delembic.commands`.
        url: Of that database.

    Raises:
        ConfigurationError: The settings cannot be read, the URL cannot be used, or the database
            is not fresh: migrations have been applied there.
    """

    def __init__(self, project: Config | str | Path, url: str | URL) -> None:
        config = project if isinstance(project, Config) else _load(Path(project))
        settings = {name: config.settings[name] for name in _KEPT if name in config.settings}
        self.url = url if isinstance(url, str) else url.render_as_string(hide_password=False)
        self.config = replace(config, settings={**settings, "sqlalchemy.url": self.url})
        self._refuse_unfit()

    def snapshot(self) -> Content:
        """Return every row of every table, besides those that delembic keeps its records in."""
        with self.connection() as conn:
            return read_content(conn)

    def changes(self, before: Content) -> dict[str, Change]:
        """Return what has changed since a snapshot, by table; empty if nothing has.

        Example:
            >>> from delembic.testing import migration_tester
            >>> with migration_tester("example_project") as tester:
            ...     tester.upgrade_before("D002")
            ...     before = tester.snapshot()
            ...     finished = tester.run("D002")
            ...     changes = tester.changes(before)
            >>> [*changes], len(changes["concept_staging"].added) == finished.rows_affected
            (['concept_staging'], True)
        """
        return changes(before, self.snapshot())

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Give a connection to the database; what is done on it is committed at the end.

        Raises:
            DatabaseUnavailableError: The server does not answer.
        """
        engine = engine_of(self.config, "sqlalchemy.url", self.url)
        try:
            with connect(engine) as conn, conn.begin():
                yield conn
        finally:
            engine.dispose()

    def rows(self, query: str, **values: Any) -> list[Row[Any]]:
        """Return the rows of a query, whose ``:name`` are replaced by the values."""
        with self.connection() as conn:
            return list(conn.execute(text(query), values))

    def _applied(self) -> frozenset[str]:
        with self.connection() as conn:
            return frozenset(applied_revisions(read_marks(conn)))

    def _check_unchanged(self, before: Content, who: str) -> None:
        if found := self.changes(before):
            raise AssertionError(f"{who} left changes behind:\n{described(found)}")

    def _refuse_unfit(self) -> None:
        url = make_url(self.url)
        if kind_of(url.get_backend_name()).is_memory(url):
            raise ConfigurationError(
                "An in-memory database is lost before the next connection opens.",
                "Use a file: sqlite:///test.db",
            )
        if applied := self._applied():
            raise ConfigurationError(
                f"{masked(url)} is not a fresh database: {len(applied)} migrations are applied.",
                "Use an empty database; a test may leave anything in it.",
            )


def _load(path: Path) -> Config:
    return Config.load(path / CONFIG_NAME if path.is_dir() else path)
