"""Workers of Celery."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

from support.executors.programs import running
from support.executors.sites import Deployment


def celery_deployment(home: Path, config: dict[str, Any]) -> Deployment:
    """A deployment that sends steps to workers through a broker, in its own queue."""
    queue = f"delembic_test_{token_hex(6)}"
    tags = {"dagster-celery/queue": queue}
    return Deployment(home, "dagster_celery:celery_executor", dict(config), tags)


@contextmanager
def celery_worker(deployment: Deployment, *, processes: int) -> Iterator[None]:
    """A worker of a deployment, started as the documentation describes."""
    name, queue = f"w{token_hex(4)}", deployment.op_tags["dagster-celery/queue"]
    settings = deployment.home / f"{name}.yaml"
    settings.write_text(json.dumps({"execution": {"config": deployment.config}}))
    command = ["dagster-celery", "worker", "start", "-A", "dagster_celery.app"]
    options: list[str | Path] = [
        "-y",
        settings,
        "-n",
        name,
        "-q",
        queue,
        "--",
        "--concurrency",
        str(processes),
    ]
    output = settings.with_suffix(".txt")
    with running([*command, *options], output, DAGSTER_HOME=str(deployment.home)) as worker:
        worker.await_saying(" ready.")
        yield
