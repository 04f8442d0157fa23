"""Delembic projects for tests, and access to their databases."""

from __future__ import annotations

import hashlib
import textwrap
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, create_engine, text
from sqlalchemy.pool import NullPool

from delembic import Config, Verification, commands
from delembic.events import Event, Outcome

GATES: dict[str, threading.Event] = defaultdict(threading.Event)
"""Events by name, on which migrations and tests in one process wait for each other."""

PATIENCE_SECONDS = 30.0


@dataclass
class ProjectFolder:
    """A project in a temporary folder.

    Attributes:
        root: The folder of ``delembic.ini``.
        url: The URL of its database.
        events: The events of the last `upgrade`, `apply` or `verify`, in order.
    """

    root: Path
    url: str
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.versions.mkdir(parents=True)
        self.configure()

    @property
    def versions(self) -> Path:
        return self.root / "delembic" / "versions"

    @property
    def config(self) -> Config:
        return Config.load(self.root / "delembic.ini")

    def configure(self, **settings: str) -> None:
        """Write the ini, with further settings."""
        lines = [f"{name} = {value}" for name, value in settings.items()]
        url = f"sqlalchemy.url = {self.url}" if self.url else ""
        self.root.joinpath("delembic.ini").write_text(
            "\n".join(["[delembic]", "script_location = delembic", url, *lines, ""])
        )

    def write(self, name: str, source: str) -> Path:
        """Write a file below the project's root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def migration(
        self,
        revision: str,
        upgrade: str = "return",
        *,
        depends_on: tuple[str, ...] = (),
        validate: str | None = None,
        head: str = "",
        meta: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a migration whose methods have the given bodies."""
        lines = [
            "import os, sys",
            "from support.projects import GATES, PATIENCE_SECONDS",
            "from delembic import DataMigration",
            *textwrap.dedent(head).splitlines(),
            f"class Migration{revision}(DataMigration):",
            f"    revision = {revision!r}",
            f"    depends_on = {list(depends_on)!r}",
            f"    description = {'the work of ' + revision!r}",
            *([f"    meta = {meta!r}"] if meta else []),
            "    def upgrade(self, conn):",
            textwrap.indent(textwrap.dedent(upgrade).strip(), " " * 8),
        ]
        if validate is not None:
            lines += [
                "    def validate(self, conn):",
                textwrap.indent(textwrap.dedent(validate).strip(), " " * 8),
            ]
        path = self.versions / f"{revision}.py"
        path.write_text("\n".join(lines) + "\n")
        return path

    def checksum(self, revision: str) -> str:
        return hashlib.sha256((self.versions / f"{revision}.py").read_bytes()).hexdigest()

    def upgrade(self, target: str = "head", **options: Any) -> tuple[Outcome, ...]:
        self.events.clear()
        return commands.upgrade(self.config, target, on_event=self.events.append, **options)

    def apply(self, revision: str, **options: Any) -> Outcome:
        self.events.clear()
        return commands.apply(self.config, revision, on_event=self.events.append, **options)

    def verify(self, *revisions: str, **options: Any) -> tuple[Verification, ...]:
        self.events.clear()
        return commands.verify(self.config, revisions, on_event=self.events.append, **options)

    def states(self) -> dict[str, str]:
        return {entry.revision: str(entry.state) for entry in commands.history(self.config)}

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for the test, whose work is committed at the end."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.begin() as conn:
            yield conn

    def execute(self, *statements: str) -> None:
        with self.connection() as conn:
            for statement in statements:
                conn.exec_driver_sql(statement)

    def rows(self, query: str) -> list[Row[Any]]:
        with self.connection() as conn:
            return list(conn.execute(text(query)))

    def value(self, query: str) -> Any:
        ((value,),) = self.rows(query)
        return value

    def attempts(self, revision: str | None = None) -> list[Row[Any]]:
        """The log entries, oldest first."""
        where = f"WHERE revision = '{revision}'" if revision else ""
        return self.rows(f"SELECT * FROM delembic_run_history {where} ORDER BY id")

    def statuses(self, revision: str | None = None) -> list[str]:
        return [row.status for row in self.attempts(revision)]

    def marks(self) -> dict[str, Row[Any]]:
        return {row.revision: row for row in self.rows("SELECT * FROM delembic_version")}
