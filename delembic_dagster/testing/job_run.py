"""A run of a job in this process, and what it reported to Dagster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster import (
    AssetKey,
    AssetsDefinition,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
)

from delembic_dagster.jobs import DEFAULT_NAME
from delembic_dagster.metadata import REVISION


@dataclass(frozen=True)
class FailedStep:
    """What a step reported when it failed.

    Attributes:
        description: The error and its remedy, in plain text.
        metadata: The metadata by name, without the prefix ``delembic/``.
        error: The whole error as Dagster displays it.

    Example:
        >>> step = FailedStep("D002 was not run.", {"status": "blocked"}, "")
        >>> step.metadata["status"]
        'blocked'
    """

    description: str
    metadata: dict[str, Any]
    error: str


@dataclass(frozen=True)
class JobRun:
    """The results of a run, by revision.

    `run_job` returns it. You can also create it from the result of a run of your own.

    Attributes:
        result: Dagster's own result, for everything else.
        planned: The revisions that the run was to materialize.
        steps: The revision of each step, by the step's key; steps with several revisions are left
            out.

    Example:
        >>> from delembic_dagster import DelembicProject
        >>> from delembic_dagster.testing import dagster_tester
        >>> with dagster_tester(DelembicProject("example_project")) as tester:
        ...     run = tester.run("D001", "D002")  # there is no schema yet
        >>> run.failed(), run.not_run()
        ({'D001'}, {'D002'})
        >>> print(run.failure("D001").description.splitlines()[0])
        Nothing was run, because Alembic revisions are not applied:
    """

    result: ExecuteInProcessResult
    planned: frozenset[str] = frozenset()
    steps: Mapping[str, str] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether the run as a whole succeeded."""
        return self.result.success

    @property
    def run_id(self) -> str:
        """Dagster's id of the run, which the audit log contains too."""
        return self.result.run_id

    def materialized(self) -> dict[str, dict[str, Any]]:
        """Return the metadata of each materialization, without the prefix ``delembic/``."""
        return {
            _revision(event.materialization.metadata, event.asset_key): plain(
                event.materialization.metadata
            )
            for event in self.result.get_asset_materialization_events()
        }

    def checks(self, name: str = "validate") -> list[tuple[str, bool]]:
        """Return whether each check of that name passed, in the order of the run."""
        return [
            (_revision(evaluation.metadata, evaluation.asset_key), evaluation.passed)
            for evaluation in self.result.get_asset_check_evaluations()
            if evaluation.check_name == name
        ]

    def started(self) -> list[str]:
        """Return what was started, in order: revisions, or keys of steps with several revisions.

        A step that was retried appears once.
        """
        return [
            self.steps.get(str(event.step_key), str(event.step_key))
            for event in self.result.all_events
            if event.event_type == DagsterEventType.STEP_START
        ]

    def failed(self) -> set[str]:
        """Return what failed: revisions, or keys of steps that failed for another reason."""
        return {*self._failures()}

    def failure(self, revision: str) -> FailedStep:
        """Return what the step of a revision reported when it failed.

        Raises:
            AssertionError: The revision did not fail.
        """
        failures = self._failures()
        if revision not in failures:
            raise AssertionError(f"{revision} did not fail; these did: {sorted(failures)}")
        return failures[revision]

    def not_run(self) -> set[str]:
        """Return the revisions that were planned but not run, after a failure upstream."""
        return {*self.planned} - self.materialized().keys() - self._failures().keys()

    def _failures(self) -> dict[str, FailedStep]:
        failures: dict[str, FailedStep] = {}
        for event in self.result.all_events:
            if event.event_type == DagsterEventType.STEP_FAILURE:
                data = event.step_failure_data
                raised = data.user_failure_data
                metadata = plain(raised.metadata) if raised else {}
                step = self.steps.get(str(event.step_key), str(event.step_key))
                failed = FailedStep(
                    str(raised.description) if raised else "",
                    metadata,
                    data.error.to_string() if data.error else "",
                )
                names = metadata.get("failed") or [metadata.get("revision", step)]
                failures.update((str(name), failed) for name in names)
        return failures


def run_job(
    definitions: Definitions,
    instance: DagsterInstance,
    *revisions: str,
    job: str = DEFAULT_NAME,
) -> JobRun:
    """Run a job in this process, and return its results whether or not it succeeds.

    Args:
        definitions: The definitions of a code location.
        instance: The instance that records the run.
        revisions: The revisions to run; all of the job if none are given.
        job: The name of the job.

    Raises:
        KeyError: There is no asset for one of the revisions.

    Example:
        >>> from dagster import DagsterInstance
        >>> from delembic_dagster import DelembicProject, build_delembic_defs
        >>> defs = build_delembic_defs(DelembicProject("example_project"))
        >>> with DagsterInstance.ephemeral() as instance:
        ...     run_job(defs, instance, "D001").planned
        frozenset({'D001'})
    """
    keys = {
        str(spec.metadata[REVISION]): spec.key
        for spec in definitions.resolve_all_asset_specs()
        if REVISION in spec.metadata
    }
    result = definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=[keys[revision] for revision in revisions] or None,
    )
    chosen = frozenset(keys) if not revisions else frozenset(revisions)
    planned = {
        entry.get_dagster_event().asset_key
        for entry in instance.all_logs(
            result.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        )
    }
    return JobRun(
        result,
        frozenset(revision for revision in chosen if keys[revision] in planned),
        _revisions_of_steps(definitions),
    )


def plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata of Dagster as plain values, without the prefix ``delembic/``.

    Example:
        >>> from dagster import MetadataValue
        >>> plain({"delembic/attempt": MetadataValue.int(2)})
        {'attempt': 2}
    """
    return {name.removeprefix("delembic/"): entry.value for name, entry in metadata.items()}


def _revision(metadata: Mapping[str, Any], key: AssetKey | None) -> str:
    if REVISION in metadata:
        return str(metadata[REVISION].value)
    return key.path[-1] if key else ""


def _revisions_of_steps(definitions: Definitions) -> dict[str, str]:
    return {
        assets.op.name: str(spec.metadata[REVISION])
        for assets in definitions.assets or ()
        if isinstance(assets, AssetsDefinition) and len(specs := [*assets.specs]) == 1
        for spec in specs
        if REVISION in spec.metadata
    }
