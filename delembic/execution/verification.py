"""An applied migration's ``validate``, run again on what is committed by now.

The migration stays what it is, whatever comes of it: no mark is written, no lock is held, and the
transaction is rolled back. A row of the audit log says what was found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from delembic.audit import tables
from delembic.audit.ledger import Ledger
from delembic.audit.marks import Mark
from delembic.audit.program import Program
from delembic.audit.status import Status
from delembic.config import Config
from delembic.database.connections import Database, autocommitting, driver_text
from delembic.database.driver_errors import values_withheld
from delembic.errors import (
    DatabaseUnavailableError,
    MigrationFailedError,
    NotVerifiableError,
    UnknownRevisionError,
    VerificationCutOffError,
)
from delembic.events import Listener, Planned, TransactionEnded, Verification, Verifying
from delembic.execution.error_text import error_text
from delembic.execution.work import open_snapshot
from delembic.migration import DataMigration
from delembic.revisions.graph import Graph
from delembic.revisions.source import Revision, load
from delembic.user_code import user_code

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


@dataclass(frozen=True, slots=True)
class Verifier:
    """Open for some verifications; see `open_verifier`.

    Attributes:
        work: Where each of them opens a connection of its own.
        ledger: The audit log, on the metadata connection.
        emit: Gets every event.
    """

    work: Engine
    ledger: Ledger
    emit: Listener

    def verify_all(self, subjects: Sequence[Subject]) -> Iterator[Verification]:
        """Verify one after the other, and yield what was found as each one ends.

        Raises:
            VerificationCutOffError: The database was lost, so nothing was found.
            KeyboardInterrupt: The operator stopped it. Recorded too.
        """
        self.emit(Planned(tuple(subject.source.id for subject in subjects)))
        for subject in subjects:
            yield self._verify(subject)

    def _verify(self, subject: Subject) -> Verification:
        source = subject.source
        self.emit(Verifying(source.id, source.description))
        started_at = datetime.now(UTC)
        with _telling_of_loss(source.id):
            try:
                failure, rolled_back = self._validate(subject)
            except BaseException as error:
                self._record_cut_off(source, started_at, error)
                raise
            verification = self._recorded(subject, started_at, failure, rolled_back)
        self.emit(verification)
        if not rolled_back:
            self.emit(TransactionEnded(source.id))
        return verification

    def _validate(self, subject: Subject) -> tuple[MigrationFailedError | None, bool]:
        """Return how it failed, if it did, and whether all that it did is undone."""
        failed = partial(MigrationFailedError, subject.source.id, "validate")
        with open_snapshot(self.work) as work:
            try:
                with user_code(failed), values_withheld(self.work):
                    subject.migration.validate(work.conn)
                    work.refuse_closed()
            except MigrationFailedError as failure:
                if work.lost:  # that says nothing about the data
                    reason = failure.reason
                    raise VerificationCutOffError(subject.source.id, reason) from failure.__cause__
                return failure, work.roll_back(failure.__cause__)
            return None, work.roll_back(None)

    def _recorded(
        self,
        subject: Subject,
        started_at: datetime,
        failure: MigrationFailedError | None,
        rolled_back: bool,
    ) -> Verification:
        status = Status.FAILED if failure else Status.SUCCESS
        exception = error_text(failure.__cause__ or failure) if failure else None
        row = self.ledger.verified(subject.source, status, started_at, exception)
        return Verification(
            subject.source.id,
            failure is None,
            failure.reason if failure else None,
            started_at,
            row.duration_seconds or 0.0,
            row.id,
            subject.changed,
            rolled_back,
        )

    def _record_cut_off(self, source: Revision, started_at: datetime, error: BaseException) -> None:
        text = error_text(error) if isinstance(error, Exception) else None
        # If the audit log is lost too, what is raised says so.
        with suppress(SQLAlchemyError, DatabaseUnavailableError):
            self.ledger.verified(source, Status.INTERRUPTED, started_at, text)


@contextmanager
def _telling_of_loss(revision: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise VerificationCutOffError(revision, driver_text(error)) from error


@contextmanager
def open_verifier(database: Database, program: Program, emit: Listener) -> Iterator[Verifier]:
    """Connect to the audit log, see to its table, and close at the end what was opened here.

    Args:
        database: The engines; the caller disposes of them.
        program: Who will stand in the audit rows.
        emit: Gets every event.

    Raises:
        DatabaseUnavailableError: A server does not answer.
    """
    with autocommitting(database.metadata) as metadata:
        tables.ensure(metadata, tables.history_table)
        yield Verifier(database.work, Ledger(metadata, program), emit)


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
