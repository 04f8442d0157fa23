"""The session of a Dagster run, which the steps in one process share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dagster import (
    AssetExecutionContext,
    DagsterError,
    DagsterExecutionInterruptedError,
    InitResourceContext,
    OpExecutionContext,
    ResourceDefinition,
)

from delembic import Config, Program, Revision, commands
from delembic.events import Listener, Outcome
from delembic_dagster.errors import RunInterruptedError
from delembic_dagster.metadata import EXECUTOR
from delembic_dagster.project import DelembicProject

Context = AssetExecutionContext | OpExecutionContext


@dataclass(slots=True)
class _Shared:
    """The state that the steps of a run share in one process."""

    session: commands.Session
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class RunSession:
    """Applies migrations of one project on behalf of one Dagster run.

    Attributes:
        project: The project.
        committed_check: The name of the checks that verify committed data; ``None`` if the
            definitions have none.
    """

    project: DelembicProject
    _shared: _Shared
    committed_check: str | None = None

    def apply(
        self,
        revision: Revision,
        on_event: Listener,
        stop_after_seconds: float | None = None,
    ) -> Outcome:
        """Run one migration, as `delembic.commands.apply` does, unless the run was interrupted.

        Dagster retries an interrupted step if it has a retry policy, and continues with other
        steps. That is not what a user wants who has terminated the run.

        Args:
            revision: The migration.
            on_event: Gets every event.
            stop_after_seconds: When to stop between two batches; never if ``None``.

        Raises:
            RunInterruptedError: The run has been interrupted in this process.
            DelembicError: The migration did not take effect.
        """
        if self._shared.interrupted:
            raise RunInterruptedError(revision.id)
        try:
            return self._shared.session.apply(
                self.project.graph, revision.id, on_event, stop_after_seconds=stop_after_seconds
            )
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            self._shared.interrupted = True
            raise


@contextmanager
def open_run_session(
    project: DelembicProject, run_id: str | None, lock_timeout_seconds: float | None = None
) -> Iterator[RunSession]:
    """Yield a session; the first migration opens the database, and the end closes it.

    Args:
        project: The project.
        run_id: The id of the Dagster run, for the log entries.
        lock_timeout_seconds: How long to wait for another run; as configured if ``None``.

    Raises:
        ConfigurationError: Something is wrong with ``delembic.ini``.
    """
    with _opened(project.config, run_id, lock_timeout_seconds) as shared:
        yield RunSession(project, shared)


def session_resources(project: DelembicProject) -> dict[str, ResourceDefinition]:
    """Return the resource that opens a session in each process of a run."""
    config = project.config
    settings = tuple(sorted(config.settings.items()))
    return {_key(project): _resource(config.path, config.section, settings)}


def session_in(
    context: Context, project: DelembicProject, committed_check: str | None = None
) -> RunSession:
    """Return the session that the resource of `session_resources` has opened.

    Args:
        context: The context of a step that requires the resource.
        project: The project, as loaded with the definitions.
        committed_check: The name of the checks that verify committed data, if there are any.
    """
    shared: _Shared = getattr(context.resources, _key(project))
    return RunSession(project, shared, committed_check)


def run_id_of(context: Context) -> str | None:
    """Return the id of a step's run; ``None`` if a test calls an op as a function."""
    try:
        return context.run.run_id
    except DagsterError:
        return None


@contextmanager
def _opened(
    config: Config, run_id: str | None, lock_timeout_seconds: float | None = None
) -> Iterator[_Shared]:
    program = Program(EXECUTOR, run_id)
    with commands.open_session(config, program, lock_timeout_seconds) as session:
        yield _Shared(session)


def _key(project: DelembicProject) -> str:
    digest = hashlib.sha256(f"{project.path}\0{project.section}".encode()).hexdigest()
    return f"delembic_session_{digest[:8]}"


@cache  # Dagster accepts a key twice only with the same resource object
def _resource(
    path: Path, section: str, settings: tuple[tuple[str, str], ...]
) -> ResourceDefinition:
    config = Config(path, section, dict(settings))

    def open_(context: InitResourceContext) -> Iterator[_Shared]:
        with _opened(config, context.run.run_id if context.run else None) as shared:
            yield shared

    return ResourceDefinition(
        open_, description=f"The database that {path} configures, open during a run."
    )
