"""Steps as in Kubernetes, but without it: a process for each step, with a pod's command.

`dagster_k8s.k8s_job_executor` is Dagster's executor that delegates steps, with a handler that
creates pods. This is the same executor with a handler that starts processes. Such a process does
the same as a pod, and reacts to a signal in the same way.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

from dagster import (
    DagsterEvent,
    InitExecutorContext,
    executor,
    multiple_process_executor_requirements,
)
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepDelegatingExecutor,
    StepHandler,
    StepHandlerContext,
)


class _Processes(StepHandler):
    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def name(self) -> str:
        return "processes"

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        args = step_handler_context.execute_step_args
        command = args.get_command_args(skip_serialized_namedtuple=True)
        environment = {entry["name"]: entry["value"] for entry in args.get_command_env()}
        self._processes[_step(step_handler_context)] = subprocess.Popen(
            command, env=os.environ | environment
        )
        return iter(())

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        if code := self._processes[_step(step_handler_context)].poll():
            return CheckStepHealthResult.unhealthy(f"It ended with {code}.")
        return CheckStepHealthResult.healthy()

    def terminate_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        self._processes[_step(step_handler_context)].terminate()
        return iter(())


@executor(name="pods", requirements=multiple_process_executor_requirements())
def pods_executor(init_context: InitExecutorContext) -> StepDelegatingExecutor:
    """The executor of `k8s_job_executor`, but with processes instead of pods."""
    return StepDelegatingExecutor(
        _Processes(),
        RetryMode.ENABLED,
        sleep_seconds=1.0,
        check_step_health_interval_seconds=1,
        should_verify_step=True,
    )


def _step(context: StepHandlerContext) -> str:
    (key,) = context.execute_step_args.step_keys_to_execute or [""]
    return key
