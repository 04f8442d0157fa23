"""What an upgrade would refuse before it runs anything.

Applied migrations are passed over: what their files import or depend on may be gone by now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from delembic.errors import MigrationFileError, UnknownDependencyError
from delembic.inspection.files import Files
from delembic.inspection.finding import Finding, Rule, finding_in_file
from delembic.revisions.source import Revision, load_to_apply

if TYPE_CHECKING:
    from delembic.schema.alembic import SchemaRevisions


def refused_files(files: Files, applied: Collection[str], root: Path) -> Iterator[Finding]:
    """Import the file of every migration that is to run, and yield what is wrong with it.

    Args:
        files: The migrations.
        applied: The ids of those that are applied.
        root: The project's root, from which an imported file can import.
    """
    for revision in _to_run(files, applied):
        try:
            load_to_apply(revision, root)
        except MigrationFileError as error:
            yield replace(finding_in_file(error, revision.id), line=error.line or revision.line)


def unknown_dependencies(
    files: Files, applied: Collection[str], schema: SchemaRevisions | None
) -> Iterator[Finding]:
    """Yield a finding for each name in a ``depends_on`` that stands for nothing.

    If a file cannot be read, it may define that name, so nothing is said.

    Args:
        files: The migrations.
        applied: The ids of those that are applied, also of those without a file.
        schema: The Alembic project, if there is one. It is read only if a name may be one of its
            revisions.

    Raises:
        ConfigurationError: Alembic's files cannot be read.
    """
    known = files.ids | frozenset(applied)
    for revision in _to_run(files, applied) if files.complete else ():
        for name in revision.depends_on:
            if name not in known and (schema is None or name not in schema.names):
                yield _unknown(name, revision, files, schema)


def _to_run(files: Files, applied: Collection[str]) -> Iterator[Revision]:
    return (revision for revision in files.revisions if revision.id not in applied)


def _unknown(
    name: str, revision: Revision, files: Files, schema: SchemaRevisions | None
) -> Finding:
    known = [*files.graph, *(schema.names if schema else ())]
    error = UnknownDependencyError(
        name, revision.id, revision.path, known, alembic=schema is not None
    )
    return Finding(
        Rule.DEPENDENCY, revision.path, revision.line, error.problem, error.remedy, revision.id
    )
