"""``delembic.ini`` as a value: where the project is and how it reaches its databases.

Nothing is opened here. Settings are expanded only when they are read, so that a command that needs
no database does not need its environment variables either.
"""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from delembic.errors import (
    ConfigFileNotFoundError,
    ConfigSectionNotFoundError,
    SettingError,
    did_you_mean,
    render_path,
)
from delembic.ini import read_ini

CONFIG_NAME = "delembic.ini"
CONFIG_VARIABLE = "DELEMBIC_CONFIG"
DEFAULT_SECTION = "delembic"

VERSION_TABLE = "delembic_version"
HISTORY_TABLE = "delembic_run_history"

LockKind = Literal["auto", "advisory", "file", "lease", "none"]
"""How one run locks out the others; ``auto`` chooses what suits the database."""
_LONGEST_NAME = 40
"""PostgreSQL cuts off names of more than 63 bytes, and other names are made from this one."""
LOCK_KINDS: tuple[str, ...] = get_args(LockKind)

_SETTINGS = (
    "script_location",
    "sqlalchemy.url",
    "metadata_url",
    "version_table",
    "history_table",
    "version_table_schema",
    "alembic_config",
    "lock",
    "lock_timeout",
    "lock_lease",
    "connect_timeout",
    "depends_on",
    "hide_parameters",
)


@dataclass(frozen=True)
class Config:
    """One section of one ini file.

    Create it with `Config.find` or `Config.load`. Paths are absolute. A relative path in the ini
    file is relative to the folder of that file, not to the working folder.

    Attributes:
        path: The ini file.
        section: The section that was read.
        settings: The section's raw values, with ``${VAR}`` not yet expanded. They are left out of
            ``repr``, because a URL may contain a password.

    Example:
        >>> from delembic import Config
        >>> config = Config.find("example_project")
        >>> config.section
        'delembic'
        >>> config.versions.name
        'versions'
    """

    path: Path
    section: str = DEFAULT_SECTION
    settings: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def find(cls, start: str | Path = ".", section: str = DEFAULT_SECTION) -> Config:
        """Read the ``delembic.ini`` in ``start`` or in the nearest folder above it.

        The variable ``DELEMBIC_CONFIG`` is ignored here; only the command line reads it.

        Raises:
            ConfigFileNotFoundError: There is no such file.
            ConfigurationError: See `load`.
        """
        folder = Path(start).resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / CONFIG_NAME).is_file():
                return cls.load(candidate / CONFIG_NAME, section)
        raise ConfigFileNotFoundError(folder, named=False)

    @classmethod
    def load(cls, path: str | Path, section: str = DEFAULT_SECTION) -> Config:
        """Read one section of an ini file.

        Raises:
            ConfigFileNotFoundError: There is no such file.
            ConfigSectionNotFoundError: The file has no such section.
            ConfigurationError: The file does not parse.
        """
        file = Path(path).resolve()
        if not file.exists():
            raise ConfigFileNotFoundError(file, named=True)
        parser = read_ini(file)
        if not parser.has_section(section):
            raise ConfigSectionNotFoundError(file, section, parser.sections())
        return cls(file, section, dict(parser[section]))

    @property
    def root(self) -> Path:
        """The project's root: the folder of the ini file, importable from migrations."""
        return self.path.parent

    @property
    def script_location(self) -> Path:
        """The folder that holds ``env.py`` and ``versions/``."""
        return self.root / (self._expanded("script_location") or "delembic")

    @property
    def versions(self) -> Path:
        """The folder of the migration files.

        Raises:
            SettingError: There is no such folder.
        """
        folder = self.script_location / "versions"
        if not folder.is_dir():
            raise self.error(
                "script_location",
                f"there is no folder {render_path(folder)}.",
                f"Correct the setting, or create the folder: mkdir -p {render_path(folder)}",
            )
        return folder

    @property
    def env_file(self) -> Path:
        """The path of ``env.py``, whether or not the file exists."""
        return self.script_location / "env.py"

    @property
    def url(self) -> str | None:
        """The URL of the work database; ``None`` leaves the connection to ``env.py``."""
        return self._expanded("sqlalchemy.url")

    @property
    def metadata_url(self) -> str | None:
        """The URL of a database for the audit log; ``None`` keeps the log with the data."""
        return self._expanded("metadata_url")

    @property
    def version_table(self) -> str:
        """The name of the table of what is applied; another one for each project in a database.

        Raises:
            SettingError: The name is too long.
        """
        name = self._expanded("version_table") or VERSION_TABLE
        if len(name) > _LONGEST_NAME:
            raise self.error("version_table", f"{name!r} has more than {_LONGEST_NAME} characters.")
        return name

    @property
    def history_table(self) -> str:
        """The name of the audit log; by default, it follows from that of the version table.

        Raises:
            SettingError: The name is too long, or it is that of the version table.
        """
        version = self.version_table
        default = HISTORY_TABLE if version == VERSION_TABLE else f"{version}_run_history"
        name = self._expanded("history_table") or default
        if len(name) > _LONGEST_NAME + len("_run_history"):
            raise self.error("history_table", f"{name!r} is too long.")
        if name == version:
            raise self.error("history_table", f"{name!r} is the name of the version table.")
        return name

    @property
    def version_table_schema(self) -> str | None:
        """The schema of the tables in the work database; ``None`` for that of new tables."""
        return self._expanded("version_table_schema")

    @property
    def alembic_config(self) -> Path | None:
        """The path of Alembic's ini file or ``pyproject.toml``, if migrations may depend on it."""
        value = self._expanded("alembic_config")
        return self.root / value if value else None

    @property
    def lock(self) -> LockKind:
        """The kind of lock with which runs lock each other out.

        Raises:
            SettingError: The kind is unknown.
        """
        value = self._expanded("lock") or "auto"
        if value not in LOCK_KINDS:
            raise self.error("lock", f"{value!r} is not one of {', '.join(LOCK_KINDS)}.")
        return cast(LockKind, value)

    @property
    def lock_timeout_seconds(self) -> float:
        """How long to wait for another run, in seconds; 0 gives up at once.

        Raises:
            SettingError: The value is not a number, or it is negative.
        """
        return self._seconds("lock_timeout", default=60.0, zero="0 gives up at once.")

    @property
    def lock_lease_seconds(self) -> float:
        """How long a lease lasts after its holder stops renewing it, in seconds.

        Raises:
            SettingError: The value is not a number, or it is negative.
        """
        return self._seconds("lock_lease", default=60.0)

    @property
    def connect_timeout_seconds(self) -> float:
        """How long to wait for a server's answer to a new connection, in seconds; 0 for ever.

        Raises:
            SettingError: The value is not a number, or it is negative.
        """
        return self._seconds("connect_timeout", default=10.0, zero="0 waits for ever.")

    @property
    def depends_on(self) -> tuple[str, ...]:
        """What a new revision depends on if nothing is named: nothing, or the heads.

        Raises:
            SettingError: The value is neither ``none`` nor ``head``.
        """
        value = self._expanded("depends_on") or "none"
        if value not in ("none", "head"):
            raise self.error("depends_on", f"{value!r} is neither none nor head.")
        return () if value == "none" else (value,)

    @property
    def hide_parameters(self) -> bool:
        """Whether errors and the audit log leave out the values in statements."""
        value = (self._expanded("hide_parameters") or "true").lower()
        if value not in ConfigParser.BOOLEAN_STATES:
            raise self.error("hide_parameters", f"{value!r} is neither true nor false.")
        return ConfigParser.BOOLEAN_STATES[value]

    def check(self) -> None:
        """Read the settings of a run, so that an invalid one is reported before the run begins.

        Raises:
            SettingError: A setting is invalid.
        """
        _ = self.lock, self.lock_timeout_seconds, self.lock_lease_seconds, self.hide_parameters
        _ = self.version_table, self.history_table, self.connect_timeout_seconds

    @property
    def warnings(self) -> list[str]:
        """Warnings about mistakes that do no harm: settings that delembic does not know."""
        return [
            f"{render_path(self.path)}, [{self.section}]: unknown setting {key!r}."
            + did_you_mean(key, _SETTINGS)
            for key in self.settings
            if key not in _SETTINGS
        ]

    def _seconds(self, key: str, *, default: float, zero: str = "") -> float:
        value = self._expanded(key)
        try:
            seconds = float(value) if value else default
        except ValueError as error:
            raise self.error(key, f"{value!r} is not a number of seconds.") from error
        if not seconds >= 0:  # also refuses "nan"
            raise self.error(key, f"{value} is not a valid time to wait.", zero)
        return seconds

    def error(self, key: str, problem: str, remedy: str = "") -> SettingError:
        """Return an error about one setting of this section, for the caller to raise."""
        return SettingError(self.path, self.section, key, problem, remedy)

    def _expanded(self, key: str) -> str | None:
        """Return a setting with ``${VAR}`` replaced; an empty value counts as not set."""

        def variable(match: re.Match[str]) -> str:
            name = match[1]
            if name not in os.environ:
                raise self.error(
                    key,
                    f"the environment variable {name} is not set.",
                    f"Set it: export {name}=…",
                )
            return os.environ[name]

        return re.sub(r"\$\{(\w+)\}", variable, self.settings.get(key, "")).strip() or None
