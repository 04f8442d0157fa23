"""A project with definitions in a file, which Dagster runs as an operator would run it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun, RunsFilter

from support.executors import effects
from support.executors.programs import Program, running
from support.projects import ProjectFolder
from support.shell import COMMAND

_DEFINITIONS = """\
from pathlib import Path

from {module} import {executor}
from dagster import RetryPolicy
from delembic_dagster import DelembicProject, build_delembic_defs

defs = build_delembic_defs(
    DelembicProject(Path(__file__).parent),
    executor_def={executor},
    retry_policy=RetryPolicy(max_retries={retries}),
    op_tags={op_tags!r},
)
"""
_HEAD = """\
from pathlib import Path
from support.executors import effects
ROOT = Path(__file__).parents[2]
"""


@dataclass(frozen=True)
class Deployment:
    """A Dagster instance, and workers that execute the steps of its runs.

    Attributes:
        home: The folder of the instance's `dagster.yaml`.
        executor: The import path of the executor: ``module:name``.
        config: The configuration of the executor.
        op_tags: The tags of every step.
        knows_policies: Whether the executor follows retry policies, and does not run the
            descendants of a failed step.
        survives_deaths: Whether the executor runs a step again if its worker died.
    """

    home: Path
    executor: str
    config: dict[str, Any]
    op_tags: dict[str, str] = field(default_factory=dict)
    knows_policies: bool = True
    survives_deaths: bool = False


@dataclass
class Site(ProjectFolder):
    """A project in a deployment.

    Attributes:
        deployment: The deployment that executes its steps.
        instance: The deployment's Dagster instance, as this process sees it.
    """

    deployment: Deployment = field(kw_only=True)
    instance: DagsterInstance = field(kw_only=True)
    _programs: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.execute(effects.TABLE)
        self.define(max_retries=0)
        config = {"execution": {"config": self.deployment.config}} if self.deployment.config else {}
        self.write("run.yaml", json.dumps(config))

    def define(self, *, max_retries: int) -> None:
        """Write the definitions, with a retry policy."""
        module, _, executor = self.deployment.executor.partition(":")
        self.write(
            "definitions.py",
            _DEFINITIONS.format(
                module=module,
                executor=executor,
                retries=max_retries,
                op_tags=self.deployment.op_tags,
            ),
        )

    def add(self, revision: str, *depends_on: str, first: str = "", then: str = "") -> Path:
        """Write a migration that inserts a row, with optional code before and after that."""
        body = f"{first}\neffects.take(conn, self.revision)\n{then}"
        return self.migration(revision, body, depends_on=depends_on, head=_HEAD)

    @contextmanager
    def job(self) -> Iterator[Program]:
        """The job in its own process, which delegates its steps to the workers."""
        # An absolute path: workers load the definitions from it too, from any working directory.
        definitions = self.root / "definitions.py"
        command: list[str | Path] = ["dagster", "job", "execute", "-f", definitions]
        options: list[str | Path] = ["-j", "delembic_upgrade", "-c", "run.yaml"]
        tags = json.dumps({"site": self._name})
        with running(
            [*command, *options, "--tags", tags],
            self._output("job"),
            DAGSTER_HOME=str(self.deployment.home),
        ) as program:
            yield program

    def run_job(self) -> Run:
        """Run the job to its end."""
        with self.job() as job:
            job.wait()
        return self.last_run(job)

    @contextmanager
    def operator(self) -> Iterator[Program]:
        """Upgrade on the command line, in a process of its own."""
        _, *arguments = COMMAND
        with running(["python", *arguments, "upgrade", "head"], self._output("operator")) as it:
            yield it

    def last_run(self, job: Program) -> Run:
        """Dagster's record of the run that was started last."""
        runs = self.instance.get_runs(RunsFilter(tags={"site": self._name}), limit=1)
        assert runs, job.said
        return Run(runs[0], self.instance, job.said)

    def pid_in(self, revision: str, job: Program) -> int:
        """Wait until a migration of that job pauses, and return its process id."""
        file = self.root / f"{revision}.pid"
        job.await_that(file.exists)
        pid = int(file.read_text())
        file.unlink()
        return pid

    def let_go(self, revision: str) -> None:
        """Let a paused migration continue."""
        (self.root / f"{revision}.go").touch()

    def effects(self) -> list[str]:
        """The effects that were committed, each as often as it occurred."""
        return sorted(row.revision for row in self.rows("SELECT revision FROM effect"))

    @property
    def _name(self) -> str:
        return f"{self.root.parent.name}-{self.root.name}"[-60:]

    def _output(self, name: str) -> Path:
        self._programs += 1
        return self.root / f"{name}-{self._programs}.txt"


@dataclass(frozen=True)
class Run:
    """A run of Dagster's that has ended."""

    run: DagsterRun
    instance: DagsterInstance
    said: str

    @property
    def success(self) -> bool:
        return self.run.is_success

    def materialized(self) -> list[str]:
        events = self._events(DagsterEventType.ASSET_MATERIALIZATION)
        return sorted(event.asset_key.path[-1] for event in events if event.asset_key)

    def logged(self, text: str) -> bool:
        """Whether a line of its log starts with a text."""
        return any(e.user_message.startswith(text) for e in self.instance.all_logs(self.run.run_id))

    def failure(self, revision: str) -> str:
        """The failure of a migration's step."""
        (said,) = (
            event.step_failure_data.user_failure_data.description
            for event in self._events(DagsterEventType.STEP_FAILURE)
            if event.step_key
            and event.step_key.endswith(revision)
            and event.step_failure_data.user_failure_data
        )
        return said or ""

    def _events(self, kind: DagsterEventType) -> list[DagsterEvent]:
        entries = self.instance.all_logs(self.run.run_id, of_type=kind)
        return [entry.dagster_event for entry in entries if entry.dagster_event]
