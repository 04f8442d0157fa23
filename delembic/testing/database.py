"""A database for one test, inspected before and after a migration."""

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
"""The settings that concern the files; the others concern the database, which tests replace."""


class FreshDatabase:
    """The database of a test, which replaces the one in ``delembic.ini``.

    Args:
        project: The settings, or the path of ``delembic.ini`` or of its folder.
        url: The URL of an empty database for the test. An in-memory database does not work,
            because each run opens its own connections.

    Attributes:
        config: The project's settings with the test's database, for `delembic.commands`.
        url: The URL of that database.

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
        """Return every row of every table, except delembic's own tables."""
        with self.connection() as conn:
            return read_content(conn)

    def changes(self, before: Content) -> dict[str, Change]:
        """Return the changes since a snapshot, by table; empty if there are none.

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
        """Yield a connection to the database. Its changes are committed at the end.

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
        """Return the rows of a query, with the values for each ``:name`` in it."""
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
