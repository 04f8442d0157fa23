"""What is wrong in the folder of the files: those that cannot be read or do not fit together.

An upgrade stops at the first mistake. Here, the rest is looked at too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from delembic.errors import DependencyCycleError, MigrationFileError
from delembic.inspection.finding import Finding, Rule, finding_in_file
from delembic.revisions.graph import Graph, files_in, place
from delembic.revisions.source import Revision, read_file


@dataclass(frozen=True, slots=True)
class Files:
    """The migrations of a folder, as far as they can be read.

    Attributes:
        revisions: All that can be read, in the order of their files.
        graph: The first of each id, without those in cycles.
        findings: What is wrong.
        complete: Whether all files can be read. If not, nobody knows which revisions there are.
    """

    revisions: Sequence[Revision]
    graph: Graph
    findings: Sequence[Finding]
    complete: bool

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all revisions that can be read."""
        return frozenset(revision.id for revision in self.revisions)


def read_files(folder: Path, root: Path) -> Files:
    """Read every migration in a folder, and go on after a mistake.

    Args:
        folder: The folder of the migration files.
        root: The project's root, from which an imported file can import.
    """
    revisions: list[Revision] = []
    unreadable: list[Finding] = []
    for path in _paths(folder, unreadable):
        try:
            revisions += read_file(path, root)
        except MigrationFileError as error:
            unreadable.append(finding_in_file(error))
    first = {revision.id: revision for revision in reversed(revisions)}
    graph, cycles = _without_cycles(first)
    found = [*unreadable, *_duplicates(revisions), *cycles]
    return Files(revisions, graph, found, complete=not unreadable)


def _paths(folder: Path, unreadable: list[Finding]) -> Iterator[Path]:
    try:
        yield from files_in(folder)
    except MigrationFileError as error:  # a folder that cannot be listed
        unreadable.append(finding_in_file(error))


def _duplicates(revisions: Sequence[Revision]) -> Iterator[Finding]:
    """Yield a finding at each place where an id is used that is used elsewhere too."""
    for id_, group in groupby(sorted(revisions, key=lambda each: each.id), lambda each: each.id):
        same = list(group)
        for revision in same:
            others = [place(each) for each in same if each is not revision]
            if others:
                yield Finding(
                    Rule.DUPLICATE,
                    revision.path,
                    revision.line,
                    f"{id_} is also defined in {', '.join(others)}.",
                    "Give one of them another revision; one that is already applied must keep its"
                    " own.",
                    id_,
                )


def _without_cycles(revisions: dict[str, Revision]) -> tuple[Graph, list[Finding]]:
    """Return the revisions that are in no cycle, and a finding for each cycle."""
    rest = dict(revisions)
    found: list[Finding] = []
    while True:
        try:
            return Graph(rest.values()), found
        except DependencyCycleError as error:
            first = rest[error.cycle[0]]
            found.append(
                Finding(Rule.CYCLE, first.path, first.line, error.message, error.remedy, first.id)
            )
            for id_ in set(error.cycle):
                del rest[id_]
