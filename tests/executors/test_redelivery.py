"""Celery delivers a step again whose worker died, or seems to have: it takes effect once.

Its workers acknowledge a step when it has ended. RabbitMQ notices that one is gone; Redis takes a
step for lost that was not acknowledged for some seconds, and cannot know better.
"""

from __future__ import annotations

import os
from signal import SIGKILL

import pytest

from support.executors.sites import Site
from support.executors.workers import celery_worker

pytestmark = pytest.mark.long


@pytest.mark.parametrize("site", ["late_celery", "late_celery_rabbitmq"], indirect=True)
def test_another_worker_gets_the_step_of_one_that_died_as_a_whole(site: Site) -> None:
    site.add("D001", then="effects.stay(ROOT, self.revision)")
    site.add("D002", "D001")

    with celery_worker(site.deployment, processes=1), site.job() as job:
        killed = site.pid_in("D001", job)
        os.killpg(os.getpgid(killed), SIGKILL)
        with celery_worker(site.deployment, processes=1):
            second = site.pid_in("D001", job)
            site.let_go("D001")
            assert job.wait() == 0, job.said

    # A slow machine can make Redis deliver a step once more, which then finds it applied.
    shown = list(dict.fromkeys(site.last_run(job).materialized()))
    assert site.effects() == shown == ["D001", "D002"]
    assert site.statuses("D001") == ["interrupted", "success"]
    assert [row.pid for row in site.attempts("D001")] == [killed, second]


@pytest.mark.parametrize("site", ["late_celery"], indirect=True)
def test_a_step_that_is_delivered_twice_waits_for_itself_and_is_done_once(site: Site) -> None:
    site.add("D001", then="effects.stay(ROOT, self.revision)")
    site.add("D002", "D001")

    with celery_worker(site.deployment, processes=2), site.job() as job:
        site.pid_in("D001", job)
        job.await_that(lambda: site.last_run(job).logged("Waiting for D001"))
        site.let_go("D001")
        assert job.wait() == 0, job.said

    assert site.effects() == ["D001", "D002"]
    assert site.statuses() == ["success", "success"]
