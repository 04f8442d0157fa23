"""A sensor that alerts when a verification has found that data has drifted."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dagster import (
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)
from pydantic import BaseModel, ConfigDict, ValidationError

from delembic import LogEntry, Operation, Status, commands
from delembic_dagster.errors import without_causes
from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.selection import Selection, select_revisions

_NAME = "delembic_verify_drift_sensor"
_INTERVAL_SECONDS = 30
_BATCH_SIZE = 100
_LAST_RUNS = 5


@dataclass(frozen=True, slots=True)
class Drift:
    """A verification that the data of a migration did not pass.

    Attributes:
        finding: The log entry of the verification. Its ``reason`` is the error on one line.
        last_runs: The last verifications of the migration, newest first.

    Example:
        >>> from datetime import UTC, datetime
        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> entry = LogEntry(7, "D001", "failed", at, exception="AssertionError: 3 rows are gone")
        >>> drift = Drift(entry, (entry,))
        >>> drift.text, drift.is_new
        ('The data of D001 no longer passes validate(): AssertionError: 3 rows are gone', True)
    """

    finding: LogEntry
    last_runs: tuple[LogEntry, ...]

    @property
    def revision(self) -> str:
        """The migration."""
        return self.finding.revision

    @property
    def text(self) -> str:
        """What was found, on one line."""
        return f"The data of {self.revision} no longer passes validate(): {self.finding.reason}"

    @property
    def is_new(self) -> bool:
        """Whether the verification before this one did not find the same."""
        before = [entry for entry in self.last_runs if entry.id < self.finding.id]
        return not before or before[0].status != Status.FAILED


Alert: TypeAlias = Callable[[SensorEvaluationContext, Drift], None]
"""What a sensor calls with each drift: it sends a message, opens an incident, and so on."""


def build_delembic_drift_sensor(
    project: DelembicProject,
    alert: Alert,
    *,
    name: str = _NAME,
    select: Selection | None = None,
    minimum_interval_seconds: int = _INTERVAL_SECONDS,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
) -> SensorDefinition:
    """Return a sensor that alerts when a verification has found drifted data.

    It reads the audit log, so it also sees verifications of the command line. ``alert`` is called
    once for each verification that failed. If it raises, the tick fails, and the next one calls it
    again. The first tick alerts of what the last verification of each migration has found.

    Args:
        project: The project.
        alert: A function that is called with the context of the tick and a `Drift`.
        name: The sensor's name.
        select: The migrations: revisions, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.
        minimum_interval_seconds: The least time between two ticks.
        default_status: Whether the sensor is running or stopped before anyone changes it.

    Raises:
        DefinitionError: Something is wrong with the files or the selection.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> def alert(context, drift):
        ...     context.log.error(drift.text)
        >>> build_delembic_drift_sensor(DelembicProject("example_project"), alert).name
        'delembic_verify_drift_sensor'
    """
    watch = _Watch(project, alert, frozenset(select_revisions(project.graph, select)))

    @sensor(
        name=name,
        minimum_interval_seconds=minimum_interval_seconds,
        description="Alerts when a verification has found that data has drifted.",
        default_status=default_status,
    )
    def drift(context: SensorEvaluationContext) -> SensorResult:
        return watch.tick(context)

    return drift


class _Cursor(BaseModel):
    """The last verification that the sensor has alerted of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int
    attempt_id: str | None

    @classmethod
    def read(cls, text: str | None) -> "_Cursor | None":
        try:
            return cls.model_validate_json(text or "")
        except ValidationError:
            return None

    def is_of(self, entry: LogEntry) -> bool:
        """Whether this is the entry; a database that was made anew numbers them from 1 again."""
        return (self.id, self.attempt_id) == (entry.id, entry.attempt_id)


@dataclass(frozen=True, slots=True)
class _Watch:
    """What the sensor watches, and how it evaluates a tick."""

    project: DelembicProject
    alert: Alert
    revisions: frozenset[str]

    def tick(self, context: SensorEvaluationContext) -> SensorResult:
        with without_causes():
            failed = commands.runs(
                self.project.config, failed=True, operation=Operation.VERIFY, limit=_BATCH_SIZE
            )
            drifts = self._drifts(failed, _Cursor.read(context.cursor))
        for each in drifts:
            context.log.error(each.text)
            self.alert(context, each)
        alerted = f"Alerted of {', '.join(each.revision for each in drifts)}."
        newest = failed[0] if failed else None
        return SensorResult(
            skip_reason=alerted if drifts else "No verification has found drifted data since.",
            cursor=_Cursor(id=newest.id, attempt_id=newest.attempt_id).model_dump_json()
            if newest
            else None,
        )

    def _drifts(self, failed: Sequence[LogEntry], cursor: _Cursor | None) -> list[Drift]:
        """Return the drifts of failed verifications, newest first, that are new since the cursor.

        Without a cursor, or if its entry is not among them, these are the ones that still stand.
        """
        reached = cursor is not None and any(cursor.is_of(entry) for entry in failed)
        drifts = []
        for entry in reversed(failed):
            if entry.revision not in self.revisions:
                continue
            if reached and cursor and entry.id <= cursor.id:
                continue
            drift = Drift(entry, self._last_runs(entry.revision))
            if reached or drift.last_runs[0].id == entry.id:
                drifts.append(drift)
        return drifts

    def _last_runs(self, revision: str) -> tuple[LogEntry, ...]:
        return tuple(
            commands.runs(
                self.project.config, revision, operation=Operation.VERIFY, limit=_LAST_RUNS
            )
        )
