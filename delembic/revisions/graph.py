"""The order of revisions, and their dependencies."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from delembic.errors import (
    DependencyCycleError,
    DuplicateRevisionError,
    MigrationFileError,
    UnknownRevisionError,
    render_path,
)
from delembic.revisions.source import Revision, read_file

_PRIVATE = ("_", ".")
"""What the names of helpers and of hidden files begin with."""

HEADS = frozenset({"head", "heads"})

NaturalKey = tuple[tuple[int, int, str], ...]


class Graph(Mapping[str, Revision]):
    """The revisions of a project by id. Iteration follows the execution order.

    The order is topological. Among revisions that are ready at the same time, the natural order of
    the ids decides (D2 before D10), so the order is the same in every run.

    Args:
        revisions: All revisions, in any order.

    Raises:
        DuplicateRevisionError: Two revisions have the same id.
        DependencyCycleError: Revisions depend on each other in a cycle.
    """

    def __init__(self, revisions: Iterable[Revision]) -> None:
        by_id: dict[str, Revision] = {}
        for revision in revisions:
            if first := by_id.get(revision.id):
                raise DuplicateRevisionError(revision.id, place(first), place(revision))
            by_id[revision.id] = revision
        self._revisions = {id_: by_id[id_] for id_ in _execution_order(by_id)}

    def __getitem__(self, revision_id: str) -> Revision:
        return self._revisions[revision_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._revisions)

    def __len__(self) -> int:
        return len(self._revisions)

    def dependencies(self, revision_id: str) -> tuple[str, ...]:
        """Return the delembic revisions that one directly depends on, as it names them."""
        return tuple(name for name in self[revision_id].depends_on if name in self)

    def require(self, revision_id: str) -> Revision:
        """Return a revision by its id.

        Raises:
            UnknownRevisionError: There is no such revision.
        """
        if revision_id not in self:
            raise UnknownRevisionError(revision_id, [*self])
        return self[revision_id]

    def upto(self, target: str) -> frozenset[str]:
        """Return the revisions that a target stands for, and all that they depend on.

        Raises:
            UnknownRevisionError: There is no such target.
        """
        return self.resolve(target) | self.ancestors(target)

    def ancestors(self, target: str) -> frozenset[str]:
        """Return every revision that ``target`` depends on, directly or indirectly.

        Raises:
            UnknownRevisionError: There is no such revision.
        """
        found: set[str] = set()
        todo = [*self.resolve(target)]
        while todo:
            new = set(self.dependencies(todo.pop())) - found
            found |= new
            todo.extend(new)
        return frozenset(found)

    def resolve(self, target: str) -> frozenset[str]:
        """Return the ids that a target of the command line stands for.

        ``head`` and ``heads`` stand for the revisions that no other one depends on.

        Raises:
            UnknownRevisionError: The target is neither of these nor a revision.
        """
        if target in HEADS:
            return self.heads
        if target not in self:
            raise UnknownRevisionError(target, [*self, *HEADS])
        return frozenset({target})

    @cached_property
    def heads(self) -> frozenset[str]:
        """The revisions that no other one depends on."""
        waited_for = {name for id_ in self for name in self.dependencies(id_)}
        return frozenset(self) - waited_for


def read_folder(folder: Path, root: Path) -> Graph:
    """Read every migration in a folder and its subfolders.

    Helpers (``_…``) and what is hidden (``.…``) are left out, whether they are files or folders.

    Raises:
        DefinitionError: A file is wrong, or several of them do not fit together.
    """
    return Graph(revision for path in files_in(folder) for revision in read_file(path, root))


def natural_key(text: str) -> NaturalKey:
    """Return a key that sorts numbers inside texts by their value.

    Example:
        >>> sorted(["D10", "D9", "D1000", "D999"], key=natural_key)
        ['D9', 'D10', 'D999', 'D1000']
    """
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", text)
        if part
    )


def place(revision: Revision) -> str:
    """Return where a revision is defined, as ``file:line``."""
    return f"{render_path(revision.path)}:{revision.line}"


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the migration files in a folder and its subfolders, as `read_folder` reads them.

    Raises:
        MigrationFileError: A folder cannot be listed.
    """
    for name, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(each for each in folders if not each.startswith(_PRIVATE))
        # A folder that is named like a file is a mistake, which reading it reports.
        for each in sorted([*files, *folders]):
            if each.endswith(".py") and not each.startswith(_PRIVATE):
                yield Path(name, each)


def _refuse(error: OSError) -> None:
    raise MigrationFileError(Path(error.filename), f"cannot be read: {error.strerror}.") from error


def _execution_order(revisions: Mapping[str, Revision]) -> Iterator[str]:
    sorter = TopologicalSorter(
        {
            revision.id: [name for name in revision.depends_on if name in revisions]
            for revision in revisions.values()
        }
    )
    try:
        sorter.prepare()
    except CycleError as error:
        # graphlib lists each node before the one that depends on it; people read it the other way.
        cycle = error.args[1][::-1]
        places = [place(revisions[id_]) for id_ in cycle[1:]]
        raise DependencyCycleError(cycle, places) from error
    ready: list[tuple[NaturalKey, str]] = []
    while sorter.is_active():
        for id_ in sorter.get_ready():
            heapq.heappush(ready, (natural_key(id_), id_))
        _, first = heapq.heappop(ready)
        sorter.done(first)
        yield first
