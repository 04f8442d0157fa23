"""``delembic.ini`` as a value: where the project is and how it reaches its databases.

Nothing is opened here. Settings that name a database are expanded only when they are asked for,
so that a command which needs no database does not need its environment variables either.
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

LockKind = Literal["auto", "advisory", "file", "lease", "none"]
"""How one runner holds off the others; ``auto`` takes what fits the database."""
LOCK_KINDS: tuple[str, ...] = get_args(LockKind)

_SETTINGS = (
    "script_location",
    "sqlalchemy.url",
    "metadata_url",
    "alembic_config",
    "lock",
    "lock_timeout",
    "lock_lease",
    "hide_parameters",
)


@dataclass(frozen=True)
class Config:
    """One section of one ini file.

    Make it with `Config.find` or `Config.load`. Paths are absolute; a relative one in the ini is
    relative to the ini, whatever the working folder.

    Attributes:
        path: The ini file.
        section: The section that was read.
        settings: The section's raw values, ``${VAR}`` not yet expanded. Not shown by ``repr``, as
            a URL may hold a password.

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

        ``DELEMBIC_CONFIG`` is not looked at; that is the command line's.

        Raises:
            ConfigFileNotFoundError: There is none.
            ConfigurationError: See `load`.
        """
        folder = Path(start).resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / CONFIG_NAME).is_file():
                return cls.load(candidate / CONFIG_NAME, section)
        raise ConfigFileNotFoundError(folder, named=False)

    @classmethod
    def load(cls, path: str | Path, section: str = DEFAULT_SECTION) -> Config:
        """Read a section of an ini file.

        Raises:
            ConfigFileNotFoundError: There is no such file.
            ConfigSectionNotFoundError: It has no such section.
            ConfigurationError: It does not parse.
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
        """The project's root: the folder of the ini, importable from migrations."""
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
                f"Correct the setting, or make the folder: mkdir -p {render_path(folder)}",
            )
        return folder

    @property
    def env_file(self) -> Path:
        """``env.py``, whether or not it is there."""
        return self.script_location / "env.py"

    @property
    def url(self) -> str | None:
        """The URL of the database that the migrations work on; ``None`` leaves it to ``env.py``."""
        return self._expanded("sqlalchemy.url")

    @property
    def metadata_url(self) -> str | None:
        """The URL of another database for the audit log; ``None`` keeps it with the data."""
        return self._expanded("metadata_url")

    @property
    def alembic_config(self) -> Path | None:
        """Alembic's ini, when data migrations may depend on schema revisions."""
        value = self._expanded("alembic_config")
        return self.root / value if value else None

    @property
    def lock(self) -> LockKind:
        """How runners hold each other off.

        Raises:
            SettingError: It is none of the known ways.
        """
        value = self._expanded("lock") or "auto"
        if value not in LOCK_KINDS:
            raise self.error("lock", f"{value!r} is not one of {', '.join(LOCK_KINDS)}.")
        return cast(LockKind, value)

    @property
    def lock_timeout_seconds(self) -> float:
        """How long to wait for another runner, in seconds; 0 gives up at once.

        Raises:
            SettingError: It is not a number, or negative.
        """
        return self._seconds("lock_timeout", default=60.0)

    @property
    def lock_lease_seconds(self) -> float:
        """How long a lease lasts whose holder has stopped renewing it, in seconds.

        Raises:
            SettingError: It is not a number, or negative.
        """
        return self._seconds("lock_lease", default=60.0)

    @property
    def hide_parameters(self) -> bool:
        """Whether errors and the audit log keep quiet about the values in statements."""
        value = (self._expanded("hide_parameters") or "true").lower()
        if value not in ConfigParser.BOOLEAN_STATES:
            raise self.error("hide_parameters", f"{value!r} is neither true nor false.")
        return ConfigParser.BOOLEAN_STATES[value]

    def check(self) -> None:
        """Read the settings of a run, so that one that means nothing is told before it begins.

        Raises:
            SettingError: There is one.
        """
        _ = self.lock, self.lock_timeout_seconds, self.lock_lease_seconds, self.hide_parameters

    @property
    def warnings(self) -> list[str]:
        """What looks wrong but hinders nothing: settings that delembic does not know."""
        return [
            f"{render_path(self.path)}, [{self.section}]: unknown setting {key!r}."
            + did_you_mean(key, _SETTINGS)
            for key in self.settings
            if key not in _SETTINGS
        ]

    def _seconds(self, key: str, *, default: float) -> float:
        value = self._expanded(key)
        try:
            seconds = float(value) if value else default
        except ValueError as error:
            raise self.error(key, f"{value!r} is not a number of seconds.") from error
        if not seconds >= 0:  # which "nan" is not, either
            raise self.error(key, f"{value} is no time to wait.", "0 gives up at once.")
        return seconds

    def error(self, key: str, problem: str, remedy: str = "") -> SettingError:
        """Return an error about one setting of this section, to be raised by who finds it."""
        return SettingError(self.path, self.section, key, problem, remedy)

    def _expanded(self, key: str) -> str | None:
        """Return a setting with ``${VAR}`` replaced; an empty one counts as not set."""

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
