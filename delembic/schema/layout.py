"""Where Alembic's files are: its settings, its scripts, and what these can import.

Alembic takes relative paths from the folder in which it is run. Delembic may be run elsewhere, so
it looks beside the file that ``alembic_config`` names, then in the project's root, and only then in
the working folder.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from alembic.util import coerce_resource_to_filename

from delembic.errors import ConfigurationError, render_path

_INI, _TOML = "alembic.ini", "pyproject.toml"
_READS_TOML = hasattr(AlembicConfig, "get_alembic_option")
"""Whether this Alembic reads ``pyproject.toml``, as it does since 1.16."""


class Layout:
    """The lay-out of one Alembic project.

    Args:
        path: Alembic's ini file, or its ``pyproject.toml``. If the other one is there as well, both
            are read, as Alembic does it.
        section: The section of the ini file to read, if it is there; otherwise ``[alembic]``.
        root: The project's root.

    Raises:
        ConfigurationError: There is no such file, or Alembic is too old for it.
    """

    def __init__(self, path: Path, section: str, root: Path) -> None:
        if not path.is_file():
            raise ConfigurationError(
                f"{render_path(path)} does not exist.", "Correct alembic_config in delembic.ini."
            )
        if path.name == _TOML and not _READS_TOML:
            raise ConfigurationError(
                f"The installed Alembic does not read {render_path(path)}.",
                "Install Alembic 1.16 or newer: pip install --upgrade alembic",
            )
        self._path = path
        self._section = section
        self._near = (path.parent, root)
        self._folders = (*self._near, Path.cwd())

    def config(self) -> AlembicConfig:
        """Return Alembic's settings, with an absolute path for the folder of the scripts."""
        config = self._as_written()
        if location := self._location(config):
            config.set_main_option("script_location", location.replace("%", "%%"))
        return config

    def scripts(self) -> ScriptDirectory:
        """Return the folder of the scripts. None of them is executed yet."""
        with self.importable():
            scripts = ScriptDirectory.from_config(self.config())
        locations = scripts.version_locations or []
        scripts.version_locations = [self._absolute(location) for location in locations]
        return scripts

    def files(self) -> list[Path]:
        """Return the files in all folders of revisions. None of them is executed."""
        scripts = self.scripts()
        pattern = "**/*.py" if scripts.recursive_version_locations else "*.py"
        with self.importable():
            folders = [
                Path(coerce_resource_to_filename(location))
                for location in scripts.version_locations or [str(Path(scripts.dir, "versions"))]
            ]
        found = {path for folder in folders for path in folder.glob(pattern)}
        return sorted(path for path in found if not path.name.startswith(("__init__", ".#")))

    def option(self, name: str) -> str | None:
        """Return a setting as it is written; ``None`` if it is not set."""
        return _option(self._as_written(), name)

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Put the folders of ``prepend_sys_path`` on the path for imports, once.

        Alembic adds them as they are written, and again at each reading. That is undone at the end
        of the block.
        """
        folders = [folder for folder in self._import_folders if folder not in sys.path]
        sys.path[:0] = folders
        try:
            yield
        finally:
            written = self._prepended
            if written and sys.path[: len(written)] == written:
                del sys.path[: len(written)]

    @cached_property
    def _prepended(self) -> list[str]:
        config = self._as_written()
        if _READS_TOML:
            return config.get_prepend_sys_paths_list() or []
        written = config.get_main_option("prepend_sys_path")
        return re.split(r", *| +|:", written) if written else []

    @cached_property
    def _import_folders(self) -> list[str]:
        found = [folder / each for each in self._prepended for folder in self._folders]
        return list(dict.fromkeys(str(path.resolve()) for path in found if path.is_dir()))

    def _as_written(self) -> AlembicConfig:
        if not _READS_TOML:
            config = AlembicConfig(self._path)
        elif self._path.name == _TOML:
            config = AlembicConfig(self._other(_INI), toml_file=self._path)
        else:
            config = AlembicConfig(self._path, toml_file=self._other(_TOML))
        if config.file_config.has_section(self._section):
            config.config_ini_section = self._section
        return config

    def _other(self, name: str) -> Path | None:
        found = (folder / name for folder in self._near)
        return next((path for path in found if path.is_file()), None)

    def _location(self, config: AlembicConfig) -> str | None:
        if written := _option(config, "script_location"):
            return self._absolute(written)
        # Flask-Migrate sets it in its command, to the folder of the ini file.
        own = self._path.parent
        return str(own) if (own / "env.py").is_file() else None

    def _absolute(self, written: str) -> str:
        if Path(written).is_absolute() or ":" in written:  # the latter is inside of a package
            return written
        found = [folder / written for folder in self._folders]
        return str(next((path for path in found if path.is_dir()), found[0]))


def _option(config: AlembicConfig, name: str) -> str | None:
    return config.get_alembic_option(name) if _READS_TOML else config.get_main_option(name)
