"""The same job, whoever executes its steps: each migration takes effect once, whatever happens."""

from __future__ import annotations

import os
from signal import SIGKILL, SIGTERM

import pytest

from support.executors.sites import Site

pytestmark = pytest.mark.long

EXECUTORS = ["multiprocess", "celery", "dask"]
ALL_EXECUTORS = [*EXECUTORS, "celery_rabbitmq", "dask_local"]
SLOW = "conn.exec_driver_sql('SELECT pg_sleep(0.2)')"


@pytest.mark.parametrize("site", ALL_EXECUTORS, indirect=True)
def test_workers_and_an_operator_at_the_same_time_apply_each_migration_once(site: Site) -> None:
    site.add("D001", then="effects.stay(ROOT, self.revision)")
    site.add("D002", "D001", then=SLOW)
    site.add("D003", "D001", then=SLOW)
    site.add("D004", "D002", "D003", then=SLOW)

    with site.job() as job:
        site.pid_in("D001", job)
        with site.operator() as operator:
            operator.await_saying("Waiting for D001")
            site.let_go("D001")
            assert operator.wait() == 0, operator.said
            assert job.wait() == 0, job.said

    revisions = ["D001", "D002", "D003", "D004"]
    assert site.effects() == revisions
    assert site.last_run(job).materialized() == revisions
    assert sorted(row.revision for row in site.attempts()) == revisions
    assert set(site.statuses()) == {"success"}


@pytest.mark.parametrize("site", EXECUTORS, indirect=True)
def test_a_failure_is_retried_as_the_policy_says_and_its_descendants_do_not_run(
    site: Site,
) -> None:
    site.define(max_retries=1)
    site.add("D001")
    site.add("D002", "D001", then="raise ValueError('no such colour')")
    site.add("D003", "D002")
    site.add("D004", "D001", then="effects.fail_once(ROOT)")

    run = site.run_job()

    assert not run.success
    if site.deployment.knows_policies:
        assert site.statuses("D003") == []
        assert site.statuses("D002") == ["failed", "failed"]
        assert site.statuses("D004") == ["failed", "success"]
        assert site.effects() == run.materialized() == ["D001", "D004"]
    else:
        assert site.statuses("D003") == ["blocked"]
        assert site.statuses("D002") == site.statuses("D004") == ["failed"]
        assert site.effects() == run.materialized() == ["D001"]


@pytest.mark.parametrize("site", EXECUTORS, indirect=True)
def test_a_worker_killed_in_the_middle_of_a_migration_leaves_nothing_half_done(site: Site) -> None:
    site.add("D001", then="effects.stay(ROOT, self.revision)")
    site.add("D002", "D001")

    with site.job() as job:
        killed = site.pid_in("D001", job)
        os.kill(killed, SIGKILL)
        site.let_go("D001")
        job.wait()
    first = site.last_run(job)
    assert first.success is site.deployment.survives_deaths, first.said
    if not first.success:
        assert site.effects() == []
        second = site.run_job()
        assert second.success, second.said

    assert site.effects() == ["D001", "D002"]
    assert site.statuses("D001") == ["interrupted", "success"]
    assert site.statuses("D002") == ["success"]
    assert site.attempts("D001")[0].pid == killed


@pytest.mark.parametrize("site", ["pods"], indirect=True)
def test_a_pod_that_has_to_go_rolls_back_and_records_the_interruption(site: Site) -> None:
    site.add("D001", then="effects.stay(ROOT, self.revision)")
    site.add("D002", "D001")

    with site.job() as job:
        evicted = site.pid_in("D001", job)
        os.kill(evicted, SIGTERM)
        job.await_that(lambda: site.statuses() == ["interrupted"])
        assert job.wait() != 0

    assert site.effects() == []
    assert [row.pid for row in site.attempts()] == [evicted]
