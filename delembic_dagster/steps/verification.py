"""Verifies several migrations in one step: the evaluation of the checks ``validate_again``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    DagsterEventType,
)

from delembic import DelembicError, Program, Verification, commands
from delembic.errors import NotVerifiableError
from delembic_dagster.metadata import (
    APPLIED,
    EXECUTOR,
    REVISION,
    STATUS,
    bounded,
    verification_metadata,
)
from delembic_dagster.project import DelembicProject
from delembic_dagster.steps.failures import drift_failure, verification_failure
from delembic_dagster.steps.log import StepLog
from delembic_dagster.steps.output import forwarding_output


def evaluate(
    context: AssetCheckExecutionContext,
    project: DelembicProject,
    specs: Mapping[str, AssetCheckSpec],
    severity: AssetCheckSeverity,
    *,
    fail_run: bool = False,
) -> Iterator[AssetCheckResult]:
    """Verify the selected migrations in a step, and yield each result as soon as it is known.

    Args:
        context: The context of the step.
        project: The project.
        specs: The checks that the step can evaluate, by revision, in execution order.
        severity: The severity of a check that does not pass.
        fail_run: Whether the step fails at its end if a check did not pass.

    Raises:
        Failure: The data could not be verified, or a check did not pass and that fails the run.
    """
    as_run = _as_run(context, specs)
    revisions = {spec.asset_key: id_ for id_, spec in as_run.items()}
    drifted: list[str] = []
    for result in _Evaluation(context, project, as_run, severity).results():
        if result.asset_key and not result.passed:
            drifted.append(revisions[result.asset_key])
        yield result
    if drifted and fail_run:
        raise drift_failure(drifted)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The evaluation of the checks in one step."""

    context: AssetCheckExecutionContext
    project: DelembicProject
    specs: Mapping[str, AssetCheckSpec]
    severity: AssetCheckSeverity

    def results(self) -> Iterator[AssetCheckResult]:
        selected = self.context.selected_asset_check_keys
        revisions = [id_ for id_, spec in self.specs.items() if spec.key in selected]
        fresh = _applied_by(self.context)
        for id_ in revisions:
            if id_ in fresh:
                text = "It was applied and validated in this run."
                yield self._passed(self.specs[id_], text, {})
        yield from self._verified([id_ for id_ in revisions if id_ not in fresh])

    def _verified(self, revisions: Sequence[str]) -> Iterator[AssetCheckResult]:
        managed = self.context.instance.managed_python_loggers
        findings = self._findings(revisions)
        try:
            while True:
                # Not around the yield: what Dagster logs then is not the migration's output.
                with forwarding_output(self.context.log, managed):
                    found = next(findings, None)
                if found is None:
                    return
                yield self._result(found)
        except DelembicError as error:
            sources = [self.project.graph[id_] for id_ in revisions]
            raise verification_failure(error, sources) from None

    def _findings(self, revisions: Sequence[str]) -> Iterator[Verification]:
        """Verify the migrations that can be verified; the others have no result."""
        while revisions:
            try:
                yield from commands.verify_each(
                    self.project.config,
                    revisions,
                    graph=self.project.graph,
                    on_event=StepLog(self.context.log).write,
                    program=Program(EXECUTOR, self.context.run.run_id),
                )
            except NotVerifiableError as error:  # raised before anything is run
                for revision, obstacle in error.obstacles.items():
                    self.context.log.info(f"{revision} is left out: {obstacle}.")
                revisions = [id_ for id_ in revisions if id_ not in error.obstacles]
            else:
                return

    def _result(self, found: Verification) -> AssetCheckResult:
        spec = self.specs[found.revision]
        metadata = verification_metadata(found)
        if found.passed:
            return self._passed(spec, "The data passes validate().", metadata)
        return AssetCheckResult(
            passed=False,
            asset_key=spec.asset_key,
            check_name=spec.name,
            severity=self.severity,
            description=bounded(found.reason or ""),
            metadata=metadata,
        )

    def _passed(
        self, spec: AssetCheckSpec, description: str, metadata: Mapping[str, Any]
    ) -> AssetCheckResult:
        return AssetCheckResult(
            passed=True,
            asset_key=spec.asset_key,
            check_name=spec.name,
            severity=self.severity,
            description=description,
            metadata=metadata,
        )


def _as_run(
    context: AssetCheckExecutionContext, built: Mapping[str, AssetCheckSpec]
) -> dict[str, AssetCheckSpec]:
    """Return the checks with their current keys; a module's assets may have been given a prefix."""
    now = {str((spec.metadata or {}).get(REVISION)): spec for spec in context.check_specs}
    return {id_: now.get(id_, spec) for id_, spec in built.items()}


def _applied_by(context: AssetCheckExecutionContext) -> set[str]:
    """Return the migrations that this run has applied, and thereby just validated.

    Dagster includes all checks of an asset in a run for which only assets are selected.
    """
    entries = context.instance.all_logs(
        context.run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION
    )
    reported = [
        entry.asset_materialization.metadata for entry in entries if entry.asset_materialization
    ]
    return {
        str(metadata[REVISION].value)
        for metadata in reported
        if REVISION in metadata and metadata[STATUS].value == APPLIED
    }
