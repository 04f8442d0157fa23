"""Alembic: which schema revisions exist, which are applied, and how to apply more.

Alembic is an extra. It is imported in this folder, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import cached_property, partial
from pathlib import Path

from sqlalchemy import Connection

from delembic.database.places import as_before
from delembic.errors import ConfigurationError, DependencyNotInstalledError, render_path
from delembic.user_code import user_code

try:
    from alembic import command
    from alembic.config import Config as AlembicConfig
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    from delembic.schema.layout import Layout
except ModuleNotFoundError as error:
    raise DependencyNotInstalledError("alembic_config", "alembic", "alembic") from error

_ENVIRONMENT = Path(__file__).parent / "environment"

# Alembic itself gets these options only from the project's env.py.
_VERSION_TABLE = ("version_table", "version_table_schema")


class SchemaRevisions:
    """The Alembic project that a delembic project's data lives in.

    Args:
        path: Alembic's ini file, or its ``pyproject.toml``.
        section: The section to read, if the ini file has it; otherwise ``[alembic]``. It may name
            the table in which Alembic records revisions, if that is not ``alembic_version``.
        root: The project's root.

    Raises:
        ConfigurationError: The settings or the folder of the scripts cannot be read.
    """

    def __init__(self, path: Path, section: str, root: Path) -> None:
        self.path = path
        self._layout = Layout(path, section, root)
        with user_code(self._unreadable):
            self._folder = self._layout.scripts()
            found = {name: self._layout.option(name) for name in _VERSION_TABLE}
            self._table = {name: value for name, value in found.items() if value}

    @cached_property
    def _scripts(self) -> ScriptDirectory:
        """The scripts, all of which are executed here and nowhere else.

        Whatever one of them raises is so the same error, whoever asks for what.
        """
        with user_code(self._unreadable):
            for _ in self._folder.walk_revisions():
                pass
        return self._folder

    @property
    def files(self) -> list[Path]:
        """The files of all revisions in the scripts. None of them is executed.

        Raises:
            ConfigurationError: Their folder cannot be read.
        """
        with user_code(self._unreadable):
            return self._layout.files()

    @property
    def names(self) -> frozenset[str]:
        """The ids of all revisions in the scripts. Reading them executes the files.

        Raises:
            ConfigurationError: One of them cannot be executed.
        """
        return frozenset(script.revision for script in self._scripts.walk_revisions())

    def heads_in(self, conn: Connection) -> tuple[str, ...]:
        """Return the revisions that the database is at, from Alembic's table there."""
        with as_before(conn):
            context = MigrationContext.configure(conn, opts=self._table)
            return tuple(sorted(context.get_current_heads()))

    def applied_in(self, conn: Connection) -> frozenset[str]:
        """Return every applied revision, in one read: the database's heads and their ancestors.

        Raises:
            ConfigurationError: As `messages_in` does.
        """
        return frozenset(self.messages_in(conn))

    def messages_in(self, conn: Connection) -> dict[str, str]:
        """Return every applied revision with its message, newest first.

        Raises:
            ConfigurationError: A script cannot be executed, or the database is at a revision that
                they do not contain.
        """
        scripts, heads = self._scripts, self.heads_in(conn)
        try:
            applied = scripts.iterate_revisions(heads, "base")
            return {script.revision: script.doc for script in applied}
        except (CommandError, RevisionError) as error:
            raise ConfigurationError(
                f"The database is at Alembic revision {', '.join(heads)}, which the scripts of"
                f" {render_path(self.path)} do not contain: {error}",
                "Run delembic from a checkout that contains that revision.",
            ) from error

    def upgrade(self, conn: Connection, names: Collection[str]) -> None:
        """Upgrade to some revisions, on an open connection that the caller commits.

        The project's own ``env.py`` is not run, because it chooses the database itself.

        Raises:
            ConfigurationError: A script cannot be executed, or fails.
        """
        for name in sorted(self.names.intersection(names)):
            if name not in self.applied_in(conn):
                with user_code(partial(_upgrade_failed, name)), self._layout.importable():
                    command.upgrade(self._config_for(conn), name)

    def _config_for(self, conn: Connection) -> AlembicConfig:
        """Return the project's configuration with an ``env.py`` that uses this connection."""
        config = self._layout.config()
        config.attributes.update(connection=conn, options=self._table)
        folders = {Path(script.path).parent for script in self._scripts.walk_revisions()}
        options = {
            "script_location": str(_ENVIRONMENT),
            "version_locations": os.pathsep.join(map(str, sorted(folders))),
            "recursive_version_locations": "false",
            "path_separator": "os",
            "version_path_separator": "os",  # its name before Alembic 1.16
        }
        for name, value in options.items():
            config.set_main_option(name, value.replace("%", "%%"))
        return config

    def _unreadable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"Alembic cannot read {render_path(self.path)} and its scripts: {reason}",
            f"Check the output of 'alembic -c {render_path(self.path)} history'.",
        )


def _upgrade_failed(name: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"Alembic revision {name} cannot be applied: {reason}")
