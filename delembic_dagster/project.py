"""The delembic project that Dagster runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from delembic import Config, ConfigurationError, Graph, commands

CONFIG_NAME = "delembic.ini"


@dataclass(frozen=True)
class DelembicProject:
    """A delembic project, located by its folder or its ini file.

    The files are read once, when they are first needed: definitions are a snapshot of the project
    at load time. A pickled project contains neither its files nor a password; it reads the files
    again where it is unpickled.

    Args:
        path: The folder that contains ``delembic.ini``, or the ini file itself. A relative path
            starts from the working directory, so ``Path(__file__).parent`` is a better start.
        section: The section of the ini file to use.

    Attributes:
        path: The given path, made absolute.
        section: The given section.

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
        # The generated __init__ of a frozen dataclass does the same.
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
        """The revisions in execution order. No database is opened and no migration is imported.

        Raises:
            DefinitionError: A file is wrong, or the files contradict each other.
        """
        return commands.read_graph(self.config)

    @cached_property
    def dialect(self) -> str | None:
        """SQLAlchemy's name for the kind of database; no connection is made.

        ``None`` if the settings do not reveal it here: definitions have to load on machines that
        have neither the database's address nor its driver.
        """
        try:
            return commands.dialect_name(self.config)
        except ConfigurationError:
            return None
