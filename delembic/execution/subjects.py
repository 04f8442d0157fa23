"""Which migrations can be verified, and why the others cannot."""

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
        source: What its file says now.
        mark: That of its success.
        migration: An instance of its class.
    """

    source: Revision
    mark: Mark
    migration: DataMigration

    @property
    def validates(self) -> bool:
        """Whether there is anything to run."""
        return type(self.migration).validate is not DataMigration.validate

    @property
    def changed(self) -> bool | None:
        """Whether the file is another than the one that took effect; ``None`` if nobody knows."""
        return self.mark.differs_from(self.source)


def prepare(
    config: Config, graph: Graph, marks: Mapping[str, Mark], revisions: Collection[str] = ()
) -> list[Subject]:
    """Find everything that can be found wrong before anything is verified.

    Args:
        config: The project.
        graph: All its revisions.
        marks: All marks, by revision.
        revisions: Which to verify; if there is none, whatever is applied and has a ``validate``.

    Returns:
        What to verify, in execution order. Nothing else was imported.

    Raises:
        SettingError: A setting means nothing.
        UnknownRevisionError: A revision is neither in the files nor applied.
        NotVerifiableError: One is not applied, or has no ``validate``, or its file is gone.
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
    # Of a class with a base from elsewhere, only its import can tell.
    empty = [subject.source.id for subject in subjects if not subject.validates]
    if revisions and empty:
        raise NotVerifiableError(dict.fromkeys(empty, _NO_VALIDATE))
    return [subject for subject in subjects if subject.validates]


def _obstacles(
    graph: Graph, marks: Mapping[str, Mark], revisions: Collection[str]
) -> dict[str, str]:
    """Return why some of the revisions cannot be verified, as far as it shows without an import."""
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
