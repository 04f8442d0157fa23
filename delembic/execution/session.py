"""A session: any number of runs on the same connections."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from time import monotonic

from sqlalchemy import Connection

from delembic.audit.marks import (
    applied_revisions,
    applied_without_file,
    read_applied,
    read_marks,
)
from delembic.audit.program import Program
from delembic.config import Config
from delembic.database.failures import reporting_failures
from delembic.database.opening import Database, open_database
from delembic.database.places import reading
from delembic.events import FilesGone, Listener, Outcome, ignore
from delembic.execution.attempt import attempt
from delembic.execution.preflight import preflight
from delembic.execution.run import Run, open_run
from delembic.execution.strangers import refuse_another_project
from delembic.execution.upgrade import run_plan
from delembic.migration import DataMigration
from delembic.revisions.graph import Graph
from delembic.revisions.plan import make_plan, make_single_plan
from delembic.revisions.source import load_to_apply


class Session:
    """Runs the migrations of one project. It is made by `open_session`, and is not thread-safe.

    Nothing is opened before the first run, and nothing is written before that run has passed its
    preflight. From then on, the connections stay open until the session ends, so that a run costs
    little more than its statements. A connection that the server drops is opened again.
    """

    def __init__(
        self,
        config: Config,
        stack: ExitStack,
        program: Program,
        lock_timeout_seconds: float | None,
    ) -> None:
        self._config = config
        self._stack = stack
        self._program = program
        self._lock_timeout_seconds = lock_timeout_seconds
        self._database: Database | None = None
        self._run: Run | None = None

    def upgrade(
        self,
        graph: Graph,
        target: str = "head",
        on_event: Listener = ignore,
        *,
        stop_after_seconds: float | None = None,
    ) -> tuple[Outcome, ...]:
        """Run the pending migrations up to a target, as `delembic.commands.upgrade` does."""
        stop_at = _moment_after(stop_after_seconds)
        with reporting_failures():
            with reading(self._opened().work) as conn:
                marks = read_marks(conn)
                refuse_another_project(self._opened(), graph, marks)
                if gone := applied_without_file(marks, graph):
                    on_event(FilesGone(gone))
                plan = make_plan(graph, applied_revisions(marks), target)
                migrations = preflight(self._config, graph, plan, conn)
            if not graph:
                return ()
            run = self._running(on_event, stop_at)
            run.settlement.settle_orphans()
            return run_plan(run, graph, plan, migrations)

    def apply(
        self,
        graph: Graph,
        revision: str,
        on_event: Listener = ignore,
        *,
        stop_after_seconds: float | None = None,
        around: Callable[[DataMigration], DataMigration] | None = None,
    ) -> Outcome:
        """Run one revision and nothing else, as `delembic.commands.apply` does.

        Args:
            graph: The project's revisions.
            revision: The revision to run.
            on_event: Gets every event.
            stop_after_seconds: When to stop between two batches; never if ``None``.
            around: Wraps the migration, for tests that make it fail halfway.
        """
        stop_at = _moment_after(stop_after_seconds)
        with reporting_failures():
            with self._reading() as conn:
                plan = make_single_plan(graph, self._applied(conn, graph, revision), revision)
                migrations = preflight(self._config, graph, plan, conn)
            source = graph[revision]

            def make() -> DataMigration:
                # The plan has no instance of a revision that was already applied.
                migration = migrations.get(revision) or load_to_apply(source, self._config.root)
                return around(migration) if around else migration

            run = self._running(on_event, stop_at)
            return attempt(run, source, make, graph.dependencies(revision))

    def settle(self, revisions: Iterable[str], on_event: Listener = ignore) -> frozenset[str]:
        """Settle what dead runs have left of some revisions, as `delembic.commands.settle` does."""
        with reporting_failures():
            settlement = self._running(on_event).settlement
            return frozenset(id_ for id_ in revisions if not settlement.settle_if_free(id_))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Yield a connection for reading the work database: the home connection if there is one."""
        if self._run:
            yield self._run.home
        else:
            with reading(self._opened().work) as conn:
                yield conn

    def _applied(self, conn: Connection, graph: Graph, revision: str) -> Collection[str]:
        """Return the applied revisions that matter for a plan of one revision."""
        if self._run is None:  # the table may not be there yet
            marks = read_marks(conn)
            refuse_another_project(self._opened(), graph, marks)
            return applied_revisions(marks)
        names = graph[revision].depends_on if revision in graph else ()
        return read_applied(conn, [revision, *names])

    def _running(self, on_event: Listener, stop_at: float | None = None) -> Run:
        if self._run is None:
            self._run = self._stack.enter_context(
                open_run(
                    self._opened(), self._config, self._program, ignore, self._lock_timeout_seconds
                )
            )
        return replace(self._run, emit=on_event, stop_at=stop_at)

    def _opened(self) -> Database:
        if self._database is None:
            self._database = self._stack.enter_context(open_database(self._config))
        return self._database


def _moment_after(seconds: float | None) -> float | None:
    return None if seconds is None else monotonic() + seconds


@contextmanager
def open_session(
    config: Config,
    program: Program | None = None,
    lock_timeout_seconds: float | None = None,
) -> Iterator[Session]:
    """Yield a session, and close its connections at the end.

    Args:
        config: The project.
        program: Who is named in the log entries; this process if ``None``.
        lock_timeout_seconds: How long to wait for another run; the configured time if ``None``.
    """
    with ExitStack() as stack:
        yield Session(config, stack, program or Program(), lock_timeout_seconds)
