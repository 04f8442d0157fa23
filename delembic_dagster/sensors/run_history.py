"""A sensor that shows in Dagster what the command line did outside of it."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context` itself.

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dagster import (
    AssetKey,
    DagsterInstance,
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from delembic import Attempt, Bookmark, Graph, commands
from delembic_dagster.errors import without_causes
from delembic_dagster.jobs import DEFAULT_NAME
from delembic_dagster.project import DelembicProject
from delembic_dagster.sensors.event_log import Claims, Shown, own_runs
from delembic_dagster.sensors.events import OutsideEvent, outside_events
from delembic_dagster.translation.selection import Selection
from delembic_dagster.translation.specs import Translated, translate
from delembic_dagster.translation.translator import DagsterDelembicTranslator

_INITIAL = "INITIAL"
"""What Dagster takes for the data version of an asset that has told none."""

_claims = Claims()


def build_delembic_run_history_sensor(  # noqa: PLR0913 - all but the project are optional, and named
    project: DelembicProject,
    *,
    name: str = f"{DEFAULT_NAME}_run_history_sensor",
    translator: DagsterDelembicTranslator | None = None,
    select: Selection | None = None,
    batch_size: int = 100,
    minimum_interval_seconds: int = 30,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
) -> SensorDefinition:
    """Return a sensor that shows what others did: the command line, Python, another Dagster.

    It follows the audit log. A success becomes a materialisation, with a passed ``validate`` if
    the migration has one, and a failed, interrupted or blocked attempt an observation; Dagster
    cannot be told of failures outside its runs. Each is shown once, whatever becomes of the
    sensor's cursor: before it shows anything, it looks whether Dagster has it.

    The first tick does not tell the whole history: of what is older than the newest hundred
    attempts it shows the last success and the last attempt of each migration.

    Args:
        project: Whose migrations.
        name: The sensor's name.
        translator: The one that the assets were built with.
        select: Which migrations have assets here; attempts at others are left out.
        batch_size: How many attempts a tick reads at most.
        minimum_interval_seconds: How much time there is between two ticks, at least.
        default_status: Whether it runs before somebody has switched it on.

    Raises:
        DefinitionError: Something is wrong with the files, the selection or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.

    Example:
        >>> build_delembic_run_history_sensor(DelembicProject("example_project")).name
        'delembic_upgrade_run_history_sensor'
    """
    follower = _Follower(name, project, translate(project, translator, select), batch_size)

    @sensor(
        name=name,
        minimum_interval_seconds=minimum_interval_seconds,
        description="Shows what the command line did: data migrations that were run elsewhere.",
        default_status=default_status,
    )
    def run_history(context: SensorEvaluationContext) -> SensorResult:
        return follower.tick(context)

    return run_history


@dataclass(frozen=True, slots=True)
class _Follower:
    """Follows the audit log of a project."""

    name: str
    project: DelembicProject
    items: dict[str, Translated]
    batch_size: int

    def tick(self, context: SensorEvaluationContext) -> SensorResult:
        with without_causes():
            attempts, bookmark = commands.runs_since(
                self.project.config, Bookmark.from_text(context.cursor), limit=self.batch_size
            )
            files = self._files(attempts)
        known = self.project.graph
        unknown = [a for a in attempts if a.revision in files and a.revision not in known]
        ended = [a for a in attempts if a.revision in self.items and _has_ended(a)]
        batch = _Batch(self.items, self.name, self.project, context.instance, files, ended)
        batch.sort_out()
        later = [a.id for a in unknown] + batch.later
        return SensorResult(
            asset_events=list(batch.events()),
            skip_reason=_said(batch.new, [*unknown, *batch.new], known, files),
            cursor=bookmark.keeping(later).as_text(),
        )

    def _files(self, attempts: Sequence[Attempt]) -> Graph:
        """Return the files as they are now, as far as that matters to what is to be told.

        A file may have come, or been corrected and run, since the definitions were loaded.
        """
        known = self.project.graph
        if all(attempt.revision in known and _is_of(attempt, known) for attempt in attempts):
            return known
        return commands.read_graph(self.project.config)


@dataclass
class _Batch:
    """The attempts of one tick that have ended, and what is to become of each."""

    items: dict[str, Translated]
    sensor: str
    project: DelembicProject
    instance: DagsterInstance
    files: Graph
    attempts: list[Attempt]
    new: list[Attempt] = field(default_factory=list)
    later: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        order = {revision: place for place, revision in enumerate(self.items)}
        self.attempts.sort(key=lambda attempt: (order[attempt.revision], attempt.id))
        keys = {key for a in self.attempts for key in self._keys(a)}
        self.shown = Shown(self.instance, keys)
        self.own = own_runs(self.instance, self.attempts)
        # What a dependency will be materialised with, if it was not yet.
        self.checksums = {item.spec.key: item.revision.checksum for item in self.items.values()}

    def sort_out(self) -> None:
        """Find out what is to be shown now, and what may have to be shown later."""
        for attempt in self.attempts:
            if self._told_by_its_run(attempt):
                continue
            if self.shown.has(self.items[attempt.revision].spec.key, attempt):
                continue
            if self._run_may_tell(attempt) or not self._claimed(attempt):
                self.later.append(attempt.id)
            else:
                self.new.append(attempt)

    def events(self) -> Iterator[OutsideEvent]:
        """Return the events of what is new, dependencies before what depends on them."""
        versions: dict[AssetKey, str] = {}
        for attempt in self.new:
            item = self.items[attempt.revision]
            inputs = {
                key: versions.get(key) or self._version(key)
                for key in (dep.asset_key for dep in item.spec.deps)
            }
            yield from outside_events(item, attempt, self.files.get(attempt.revision), inputs)
            if attempt.status == "success" and attempt.checksum:
                versions[item.spec.key] = attempt.checksum

    def _keys(self, attempt: Attempt) -> list[AssetKey]:
        spec = self.items[attempt.revision].spec
        return [spec.key, *(dep.asset_key for dep in spec.deps)]

    def _version(self, key: AssetKey) -> str:
        return self.shown.data_version(key) or self.checksums.get(key) or _INITIAL

    def _told_by_its_run(self, attempt: Attempt) -> bool:
        """Tell whether a run of this Dagster shows the attempt as a failed step of its own."""
        return attempt.executor_run_id in self.own and attempt.status != "success"

    def _run_may_tell(self, attempt: Attempt) -> bool:
        """Tell whether a run of this Dagster is still under way that will show the success.

        When it is over and has not, it was ended between the commit and the event.
        """
        return self.own.get(attempt.executor_run_id or "") is False

    def _claimed(self, attempt: Attempt) -> bool:
        what = (self.project, attempt.id, attempt.run_id, attempt.status)
        return _claims.take(what, self.sensor)


def _has_ended(attempt: Attempt) -> bool:
    return attempt.status != "running"


def _is_of(attempt: Attempt, files: Graph) -> bool:
    """Tell whether an attempt, if it succeeded, ran the file that is there."""
    ran = attempt.checksum if attempt.status == "success" else None
    return ran in (None, files[attempt.revision].checksum)


def _said(new: Sequence[Attempt], told: Sequence[Attempt], known: Graph, files: Graph) -> str:
    """Return what a tick says.

    Args:
        new: What it shows.
        told: That, and what it cannot show yet.
        known: The files that the definitions were loaded from.
        files: As they are now.
    """
    names = list(dict.fromkeys(attempt.revision for attempt in new))
    said = f"Shown from the audit log: {', '.join(names)}." if names else "Nothing new."
    revisions = sorted({attempt.revision for attempt in told} & files.keys())
    unknown = [id_ for id_ in revisions if id_ not in known]
    older = [
        id_ for id_ in revisions if id_ in known and known[id_].checksum != files[id_].checksum
    ]
    faults = [f"it does not know {', '.join(unknown)} yet"] if unknown else []
    faults += [f"it has an older file of {', '.join(older)}"] if older else []
    return f"{said} Reload the code location: {', and '.join(faults)}." if faults else said
