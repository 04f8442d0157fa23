"""Runs the ``validate`` of an applied migration again, on the committed data.

The result does not change the state of the migration. No mark is written, no lock is held, and the
transaction is rolled back. A log entry records the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from delembic.audit.ledger import Ledger
from delembic.audit.program import Program
from delembic.audit.share import read_share
from delembic.audit.stopwatch import Stopwatch
from delembic.audit.tables import ensure, tables_of
from delembic.database.connections import driver_text
from delembic.database.failures import lacks_right
from delembic.database.opening import Database
from delembic.database.places import recording
from delembic.errors import (
    DatabaseUnavailableError,
    MigrationFailedError,
    VerificationCutOffError,
)
from delembic.events import Listener, Planned, TransactionEnded, Verification, Verifying
from delembic.execution.error_text import error_text
from delembic.execution.subjects import Subject
from delembic.execution.work.course import Course
from delembic.execution.work.rolled_back import validate_rolled_back
from delembic.revisions.source import Revision
from delembic.status import Operation, Status, Undone


@dataclass(frozen=True, slots=True)
class Verifier:
    """The resources of some verifications; see `open_verifier`.

    Attributes:
        work: The work database, on which each verification opens its own connection.
        ledger: The audit log, on the metadata connection.
        emit: Gets every event.
    """

    work: Engine
    ledger: Ledger
    emit: Listener

    def verify_all(self, subjects: Sequence[Subject]) -> Iterator[Verification]:
        """Verify one migration after the other, and yield each result.

        Raises:
            VerificationCutOffError: The database was lost, so there is no result.
            KeyboardInterrupt: The operator stopped the verification. This is recorded too.
        """
        self.emit(Planned(tuple(subject.source.id for subject in subjects)))
        for subject in subjects:
            yield self._verify(subject)

    def _verify(self, subject: Subject) -> Verification:
        source = subject.source
        self.emit(Verifying(source.id, source.description))
        stopwatch = Stopwatch()
        with _raising_of_loss(source.id):
            try:
                failure, rolled_back = self._validate(subject)
            except BaseException as error:
                self._record_cut_off(source, stopwatch, error)
                raise
            verification = self._recorded(subject, stopwatch, failure, rolled_back)
        self.emit(verification)
        if not rolled_back:
            self.emit(TransactionEnded(source.id))
        return verification

    def _validate(self, subject: Subject) -> tuple[MigrationFailedError | None, bool]:
        """Return the failure, if there was one, and whether everything was rolled back."""
        revision, course = subject.source.id, Course()
        failure = None
        try:
            validate_rolled_back(self.work, revision, subject.migration, course)
        except MigrationFailedError as error:
            if course.lost:  # this says nothing about the data
                raise VerificationCutOffError(revision, error.reason) from error.__cause__
            failure = error
        return failure, course.undone == Undone.ALL

    def _recorded(
        self,
        subject: Subject,
        stopwatch: Stopwatch,
        failure: MigrationFailedError | None,
        rolled_back: bool,
    ) -> Verification:
        status = Status.FAILED if failure else Status.SUCCESS
        exception = error_text(failure.__cause__ or failure) if failure else None
        row = self.ledger.noted(Operation.VERIFY, subject.source, status, stopwatch, exception)
        return Verification(
            subject.source.id,
            failure is None,
            failure.reason if failure else None,
            row.started_at,
            row.duration_seconds or 0.0,
            row.id,
            subject.changed,
            rolled_back,
        )

    def _record_cut_off(self, source: Revision, stopwatch: Stopwatch, error: BaseException) -> None:
        text = error_text(error) if isinstance(error, Exception) else None
        # If the audit log is lost too, the raised error reports that.
        with suppress(SQLAlchemyError, DatabaseUnavailableError):
            self.ledger.noted(Operation.VERIFY, source, Status.INTERRUPTED, stopwatch, text)


@contextmanager
def _raising_of_loss(revision: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if lacks_right(error):
            raise
        raise VerificationCutOffError(revision, driver_text(error)) from error


@contextmanager
def open_verifier(database: Database, program: Program, emit: Listener) -> Iterator[Verifier]:
    """Connect to the audit log, create or upgrade its table, and close the connection at the end.

    Args:
        database: The engines; the caller disposes of them.
        program: Who is named in the log entries.
        emit: Gets every event.

    Raises:
        DatabaseUnavailableError: A server does not answer.
    """
    with recording(database.metadata) as metadata:
        ensure(metadata, tables_of(metadata).history)
        ledger = Ledger(metadata, program, read_share(database, metadata))
        yield Verifier(database.work, ledger, emit)
