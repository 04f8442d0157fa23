"""Commands that create and read a project's files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from delembic.config import Config
from delembic.database.connections import connect
from delembic.database.opening import open_database
from delembic.errors import DatabaseUnavailableError
from delembic.revisions.graph import Graph, read_folder
from delembic.scaffold import next_revision, write_project, write_revision
from delembic.schema.gate import open_schema

#: What to do in a project that `init` has just created.
AFTER_INIT = "Set sqlalchemy.url in delembic.ini, then run: delembic revision -m 'what it does'"


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A migration file that was written.

    Attributes:
        revision: Its id.
        path: The path of the file.
        depends_on: The dependencies that were written into it.
        schema_heads: The Alembic revisions among the dependencies.
        warning: Why Alembic's heads could not be read, if that failed.
        heads: The heads that it could depend on, if it depends on no other revision.
    """

    revision: str
    path: Path
    depends_on: tuple[str, ...]
    schema_heads: tuple[str, ...]
    warning: str | None
    heads: tuple[str, ...] = ()


def init(root: Path, script_location: str = "delembic") -> list[Path]:
    """Start a project in ``root`` and return the paths of the files that were written.

    Raises:
        FileExistsAlreadyError: One of the files already exists; none was written.
    """
    return write_project(root, script_location)


def revision(
    config: Config, message: str, depends_on: Collection[str] | None = None
) -> NewRevision:
    """Write a new migration file.

    If ``alembic_config`` is set, the database's current Alembic heads become dependencies. If the
    database cannot be reached, the file is written without them, and the result has a warning.

    Args:
        config: The project.
        message: The description. The names of the file and the class are made from it.
        depends_on: The delembic revisions that the new one depends on; ``head`` for the heads.
            If ``None``, the setting ``depends_on`` decides.

    Raises:
        UnknownRevisionError: One of ``depends_on`` does not exist.
        DefinitionError: The existing files cannot be read.
    """
    graph = read_graph(config)
    named = config.depends_on if depends_on is None else depends_on
    wanted = frozenset[str]().union(*(graph.resolve(name) for name in named))
    heads, warning = _schema_heads(config)
    names = (*(id_ for id_ in graph if id_ in wanted), *heads)
    new = next_revision(graph)
    path = write_revision(config.versions, new, message, names)
    could_be = () if wanted else tuple(id_ for id_ in graph if id_ in graph.heads)
    return NewRevision(new, path, names, heads, warning, could_be)


def read_graph(config: Config) -> Graph:
    """Return the project's revisions in execution order, without using a database.

    Raises:
        DefinitionError: A file is wrong, or several of them do not fit together.
    """
    return read_folder(config.versions, config.root)


def dialect_name(config: Config) -> str:
    """Return SQLAlchemy's name for the kind of database, such as ``postgresql``.

    No connection is made.

    Raises:
        ConfigurationError: There is no usable URL, driver or ``get_engine``.
    """
    with open_database(config) as database:
        return database.work.dialect.name


def _schema_heads(config: Config) -> tuple[tuple[str, ...], str | None]:
    """Return the database's Alembic heads, or the reason why they cannot be read."""
    schema = open_schema(config)
    if schema is None:
        return (), None
    try:
        with open_database(config) as database, connect(database.work) as conn:
            return schema.heads_in(conn), None
    except DatabaseUnavailableError as error:
        return (), error.message
