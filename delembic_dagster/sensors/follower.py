"""Follows the audit log, and reports what Dagster's event log does not contain yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    SensorEvaluationContext,
    SensorResult,
)

from delembic import Bookmark, ConfigurationError, Graph, LogEntry, Status, commands
from delembic_dagster.errors import without_causes
from delembic_dagster.metadata import INITIAL_VERSION, SCHEMA_REVISION
from delembic_dagster.project import DelembicProject
from delembic_dagster.sensors.event_log import Claims, EventLog, own_runs
from delembic_dagster.sensors.events import OutsideEvent, outside_events
from delembic_dagster.sensors.schema import schema_events
from delembic_dagster.translation.migrations import Migrations

_claims = Claims()


@dataclass(frozen=True, slots=True)
class Follower:
    """Reads the audit log from where the previous tick ended.

    Attributes:
        sensor: The name of the sensor.
        migrations: The migrations that have assets; attempts at others are left out.
        batch_size: The most attempts that one tick reads.
    """

    sensor: str
    migrations: Migrations
    batch_size: int

    def tick(self, context: SensorEvaluationContext) -> SensorResult:
        """Return the events of the attempts that have ended since, and the new cursor.

        Raises:
            DelembicError: The files or the database cannot be read.
        """
        with without_causes():
            attempts, bookmark = commands.runs_since(
                self._project.config, Bookmark.from_text(context.cursor), limit=self.batch_size
            )
            files = self._files(attempts)
        known = self._project.graph
        unknown = [a for a in attempts if a.revision in files and a.revision not in known]
        ended = [a for a in attempts if a.revision in self.migrations and _has_ended(a)]
        batch = _Batch(self.sensor, self.migrations, context.instance, files, ended)
        batch.sort_out()
        later = [a.id for a in unknown] + batch.later
        schema = self._schema(context)
        reason = _summary(batch.new, [*unknown, *batch.new], known, files)
        return SensorResult(
            asset_events=[*schema, *batch.events()],
            skip_reason=f"{_schema_summary(schema)}{reason}",
            cursor=bookmark.keeping(later).as_text(),
        )

    @property
    def _project(self) -> DelembicProject:
        return self.migrations.project

    def _schema(self, context: SensorEvaluationContext) -> list[AssetMaterialization]:
        """Return what Alembic has applied; its files may be faulty without harm to the rest."""
        try:
            return schema_events(self.migrations, context.instance, self._claims_schema)
        except ConfigurationError as error:
            context.log.warning(f"Alembic's revisions are not reported. {error}")
            return []

    def _claims_schema(self, name: str) -> bool:
        return _claims.take((self._project, name), self.sensor)

    def _files(self, attempts: Sequence[LogEntry]) -> Graph:
        """Return the files as they are now, if that matters to the attempts; else as loaded.

        A file may have been added, or corrected and run, since the definitions were loaded.
        """
        known = self._project.graph
        if all(attempt.revision in known and _is_of(attempt, known) for attempt in attempts):
            return known
        return commands.read_graph(self._project.config)


@dataclass
class _Batch:
    """The attempts of one tick that have ended, and what to do about each."""

    sensor: str
    migrations: Migrations
    instance: DagsterInstance
    files: Graph
    attempts: list[LogEntry]
    new: list[LogEntry] = field(default_factory=list)
    later: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        order = {revision: place for place, revision in enumerate(self.migrations)}
        self.attempts.sort(key=lambda attempt: (order[attempt.revision], attempt.id))
        keys = {key for a in self.attempts for key in self._keys(a)}
        self.log = EventLog(self.instance, keys)
        self.own = own_runs(self.instance, self.attempts)
        # The data versions of dependencies that have not been materialized yet.
        self.checksums = {
            item.spec.key: item.revision.checksum for item in self.migrations.values()
        }

    def sort_out(self) -> None:
        """Sort the attempts into those to report now and those to look at again later."""
        for attempt in self.attempts:
            if self._reported_by_its_run(attempt):
                continue
            if self.log.has(self.migrations[attempt.revision].spec.key, attempt):
                continue
            if self._run_may_report(attempt) or not self._claimed(attempt):
                self.later.append(attempt.id)
            else:
                self.new.append(attempt)

    def events(self) -> Iterator[OutsideEvent]:
        """Return the events of the new attempts, dependencies first."""
        versions: dict[AssetKey, str] = {}
        for attempt in self.new:
            item = self.migrations[attempt.revision]
            inputs = {
                key: versions.get(key) or self._version(key)
                for key in (dep.asset_key for dep in item.spec.deps)
            }
            yield from outside_events(item, attempt, self.files.get(attempt.revision), inputs)
            if attempt.status == Status.SUCCESS and attempt.checksum:
                versions[item.spec.key] = item.revision.canonical(attempt.checksum)

    def _keys(self, attempt: LogEntry) -> list[AssetKey]:
        spec = self.migrations[attempt.revision].spec
        return [spec.key, *(dep.asset_key for dep in spec.deps)]

    def _version(self, key: AssetKey) -> str:
        return self.log.data_version(key) or self.checksums.get(key) or INITIAL_VERSION

    def _reported_by_its_run(self, attempt: LogEntry) -> bool:
        """Return whether a run of this Dagster reports the attempt as a failed step of its own."""
        return attempt.executor_run_id in self.own and attempt.status != Status.SUCCESS

    def _run_may_report(self, attempt: LogEntry) -> bool:
        """Return whether a run of this Dagster is still in progress and will report the success.

        A run that has ended without reporting it was killed between the commit and the event.
        """
        return self.own.get(attempt.executor_run_id or "") is False

    def _claimed(self, attempt: LogEntry) -> bool:
        what = (self.migrations.project, attempt.id, attempt.run_id, attempt.status)
        return _claims.take(what, self.sensor)


def _has_ended(attempt: LogEntry) -> bool:
    return attempt.status != Status.RUNNING


def _is_of(attempt: LogEntry, files: Graph) -> bool:
    """Return whether an attempt, if it succeeded, ran the file that is given."""
    ran = attempt.checksum if attempt.status == Status.SUCCESS else None
    return ran is None or files[attempt.revision].is_of(ran)


def _schema_summary(events: Sequence[AssetMaterialization]) -> str:
    names = [str(event.metadata[SCHEMA_REVISION].value) for event in events]
    return f"Applied by Alembic: {', '.join(names)}. " if names else ""


def _summary(new: Sequence[LogEntry], read: Sequence[LogEntry], known: Graph, files: Graph) -> str:
    """Return the summary of a tick.

    Args:
        new: The attempts that the tick reports.
        read: Those attempts, and the ones that it cannot report yet.
        known: The files that the definitions were loaded from.
        files: The files as they are now.
    """
    names = list(dict.fromkeys(attempt.revision for attempt in new))
    text = f"Reported from the audit log: {', '.join(names)}." if names else "Nothing new."
    revisions = sorted({attempt.revision for attempt in read} & files.keys())
    unknown = [id_ for id_ in revisions if id_ not in known]
    older = [
        id_ for id_ in revisions if id_ in known and known[id_].checksum != files[id_].checksum
    ]
    faults = [f"it does not know {', '.join(unknown)} yet"] if unknown else []
    faults += [f"it has an older version of {', '.join(older)}"] if older else []
    return f"{text} Reload the code location: {', and '.join(faults)}." if faults else text
