"""Where all revisions stand, read from the files, both databases and Alembic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from delembic.audit.checkpoints import read_checkpoints
from delembic.audit.marks import Mark, applied_revisions, read_marks
from delembic.config import Config
from delembic.database.opening import Database
from delembic.database.places import reading
from delembic.history.log import open_log, read_latest
from delembic.history.standing import Standing, standings
from delembic.revisions.graph import Graph
from delembic.revisions.plan import make_plan
from delembic.schema.gate import missing_schema_revisions


@dataclass(frozen=True, slots=True)
class Survey:
    """All revisions at one moment.

    Attributes:
        graph: The revisions in the files.
        marks: All marks, by revision.
        standings: Where each revision stands, in execution order.
    """

    graph: Graph
    marks: Mapping[str, Mark]
    standings: Sequence[Standing]


def read_survey(config: Config, database: Database, graph: Graph) -> Survey:
    """Read the marks and the last attempts, and combine them with the files.

    Opens one connection to each database, and makes one query for the marks, one for the attempts,
    and one for the checkpoints if a migration in batches is pending. Writes nothing.

    Args:
        config: The project.
        database: The project's engines.
        graph: The project's revisions.

    Raises:
        ConfigurationError: The database or Alembic's files cannot be read.
    """
    with reading(database.work) as conn:
        marks = read_marks(conn)
        plan = make_plan(graph, applied_revisions(marks))
        missing = missing_schema_revisions(config, plan, conn)
        # Most projects have no migration in batches, and need no query for them.
        is_batched = any(step.batched for step in plan.steps)
        checkpoints = read_checkpoints(conn) if is_batched else {}
    with open_log(database) as (conn, share):
        latest = read_latest(conn, share)
    return Survey(graph, marks, standings(graph, marks, latest, missing, checkpoints))
