"""Where the project is that Dagster shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from delembic import Config, ConfigurationError, Graph, commands

CONFIG_NAME = "delembic.ini"


@dataclass(frozen=True)
class DelembicProject:
    """A project of delembic, named by its folder or its ini.

    Its files are read when they are first asked for, and once: definitions are a picture of the
    project at the moment they were loaded. A pickled project reads its files again where it
    arrives; neither they nor a password travel with it.

    Args:
        path: The folder that holds ``delembic.ini``, or the ini itself. A relative one is relative
            to the working folder, so ``Path(__file__).parent`` is the better start.
        section: Which section of the ini to use.

    Attributes:
        path: As given, absolute.
        section: As given.

    Example:
        >>> project = DelembicProject("example_project")
        >>> project.config.section
        'delembic'
        >>> next(iter(project.graph))
        'D001'
    """

    path: Path
    section: str

    def __init__(self, path: str | Path, section: str = "delembic") -> None:
        # As dataclasses do it themselves in an __init__ of a frozen one.
        object.__setattr__(self, "path", Path(path).absolute())
        object.__setattr__(self, "section", section)

    def __reduce__(self) -> tuple[type[DelembicProject], tuple[Path, str]]:
        return DelembicProject, (self.path, self.section)

    @cached_property
    def config(self) -> Config:
        """The settings.

        Raises:
            ConfigurationError: There is no such file or section, or it does not parse.
        """
        ini = self.path / CONFIG_NAME if self.path.is_dir() else self.path
        return Config.load(ini, self.section)

    @cached_property
    def graph(self) -> Graph:
        """The revisions in execution order. No database is opened, no migration imported.

        Raises:
            DefinitionError: A file, or what the files say together, is wrong.
        """
        return commands.read_graph(self.config)

    @cached_property
    def dialect(self) -> str | None:
        """What SQLAlchemy calls the kind of database, without connecting to it.

        ``None`` if the settings do not tell here: definitions have to load on machines that know
        neither the database's address nor its driver.
        """
        try:
            return commands.dialect_name(self.config)
        except ConfigurationError:
            return None
