"""Determines which migrations can be verified, and why the others cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from delembic.audit.marks import Mark
from delembic.config import Config
from delembic.errors import NotVerifiableError, UnknownRevisionError
from delembic.migration import DataMigration
from delembic.revisions.graph import Graph
from delembic.revisions.source import Revision, load

_NOT_APPLIED = "it is not applied"
_NO_VALIDATE = "it has no validate"
_NO_FILE = "its file is gone"


@dataclass(frozen=True, slots=True)
class Subject:
    """A migration that can be verified.

    Attributes:
        source: The contents of its file now.
        mark: The mark of its success.
        migration: An instance of its class.
    """

    source: Revision
    mark: Mark
    migration: DataMigration

    @property
    def validates(self) -> bool:
        """Whether the class defines a ``validate``."""
        return type(self.migration).validate is not DataMigration.validate

    @property
    def changed(self) -> bool | None:
        """Whether the file has changed since it was applied; ``None`` if that is unknown."""
        return self.mark.differs_from(self.source)


def prepare(
    config: Config, graph: Graph, marks: Mapping[str, Mark], revisions: Collection[str] = ()
) -> list[Subject]:
    """Check everything that can be checked before anything is verified.

    Args:
        config: The project.
        graph: All its revisions.
        marks: All marks, by revision.
        revisions: The revisions to verify; if empty, all that are applied and have a ``validate``.

    Returns:
        The migrations to verify, in execution order. No other file was imported.

    Raises:
        SettingError: A setting is invalid.
        UnknownRevisionError: A revision is neither in the files nor applied.
        NotVerifiableError: A revision is not applied, has no ``validate``, or its file is gone.
        DefinitionError: A file cannot be imported.
    """
    config.check()
    if obstacles := _obstacles(graph, marks, revisions):
        raise NotVerifiableError(obstacles)
    chosen = revisions or [id_ for id_ in graph if not _obstacle(graph, marks, id_)]
    subjects = [
        Subject(graph[id_], marks[id_], load(graph[id_], config.root))
        for id_ in graph
        if id_ in chosen
    ]
    # For a class with a base from another file, only the import shows this.
    empty = [subject.source.id for subject in subjects if not subject.validates]
    if revisions and empty:
        raise NotVerifiableError(dict.fromkeys(empty, _NO_VALIDATE))
    return [subject for subject in subjects if subject.validates]


def _obstacles(
    graph: Graph, marks: Mapping[str, Mark], revisions: Collection[str]
) -> dict[str, str]:
    """Return why some revisions cannot be verified, as far as this is known without an import."""
    found = {id_: _obstacle(graph, marks, id_) for id_ in revisions}
    return {id_: obstacle for id_, obstacle in found.items() if obstacle}


def _obstacle(graph: Graph, marks: Mapping[str, Mark], revision: str) -> str | None:
    mark = marks.get(revision)
    applied = mark is not None and mark.applied
    if revision not in graph:
        if applied:
            return _NO_FILE
        raise UnknownRevisionError(revision, [*graph])
    if not applied:
        return _NOT_APPLIED
    return None if graph[revision].validates else _NO_VALIDATE
