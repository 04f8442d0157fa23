"""A worker that outlives a run keeps the definitions it has loaded, while the files move on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterInstance

from support.executors.sites import Deployment, Site
from support.executors.workers import celery_deployment, celery_worker

pytestmark = pytest.mark.long


def test_a_worker_with_old_definitions_runs_nothing_and_says_to_restart_it(
    home: Path,
    instance: DagsterInstance,
    redis_url: str,
    make_site: Callable[[Deployment], Site],
) -> None:
    """Neither the code it remembers nor the new file is run, until it has been started again."""
    deployment = celery_deployment(home, {"broker": redis_url, "backend": redis_url})
    site = make_site(deployment)
    site.add("D001")
    site.add("D002", "D001", then="raise ValueError('no such colour')")

    with celery_worker(deployment, processes=1):
        assert "no such colour" in site.run_job().failure("D002")
        site.add("D002", "D001")
        stale = site.run_job()
        assert not stale.success
        assert "has changed since it was read" in stale.failure("D002")
        assert "restart workers that outlive a run, such as Celery's" in stale.failure("D002")
        assert stale.materialized() == ["D001"]
        assert site.statuses("D002") == ["failed"]

    with celery_worker(deployment, processes=1):
        fresh = site.run_job()

    assert fresh.success, fresh.said
    assert site.effects() == ["D001", "D002"]
    assert site.statuses("D002") == ["failed", "success"]
    assert site.marks()["D002"].checksum == site.checksum("D002")
