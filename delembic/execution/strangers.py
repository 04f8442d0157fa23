"""Recognizes the migrations of another project, which may have the same revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select

from delembic.audit.marks import Mark
from delembic.audit.tables import Columns, read, tables_of
from delembic.database.opening import Database
from delembic.database.places import reading
from delembic.errors import OtherProjectError
from delembic.revisions.graph import Graph


def refuse_another_project(database: Database, graph: Graph, marks: Mapping[str, Mark]) -> None:
    """Refuse to run if none of what is applied is what the files say.

    A project whose files were edited has some that were not, or the descriptions have stayed. So
    the audit log is asked only if all files differ.

    Args:
        database: The project's engines.
        graph: The project's revisions.
        marks: All marks, by revision.

    Raises:
        OtherProjectError: All applied revisions that have a file have another checksum and another
            description there.
    """
    applied = {id_: mark for id_, mark in marks.items() if mark.applied and id_ in graph}
    if not applied or not all(mark.differs_from(graph[id_]) for id_, mark in applied.items()):
        return
    descriptions = _descriptions(database, applied)
    theirs = {id_: text for id_, text in descriptions.items() if text != graph[id_].description}
    if descriptions and len(theirs) == len(descriptions):
        revision, text = min(theirs.items())
        table = tables_of(database.work).version.name
        raise OtherProjectError(revision, text, graph[revision].description, table)


def _descriptions(database: Database, marks: Mapping[str, Mark]) -> dict[str, str]:
    """Return what the audit log calls the revisions, as far as it has them."""
    attempts = [mark.attempt_id for mark in marks.values()]

    def made_the_marks(query: Select[Any], columns: Columns) -> Select[Any]:
        return query.where(columns["run_id"].in_(attempts))

    with reading(database.metadata) as conn:
        rows = read(conn, tables_of(conn).history, made_the_marks)
    return {row.revision: row.description for row in rows if row.description is not None}
