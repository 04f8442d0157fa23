"""Long work, whoever executes its step: stopped after its time or killed, it goes on from there."""

from __future__ import annotations

import os
from signal import SIGKILL

import pytest

from support.batched import ROWS, counts, write_batched
from support.executors.sites import Site

pytestmark = pytest.mark.long

EXECUTORS = ["multiprocess", "celery", "dask"]
MOST_RUNS = 4
"""A busy machine may need more than the two that a free one does."""


@pytest.mark.parametrize("site", EXECUTORS, indirect=True)
def test_it_stops_after_its_time_without_a_retry_and_the_next_run_goes_on(site: Site) -> None:
    site.define(max_retries=1)
    write_batched(
        site,
        with_rows=True,
        stop_after=3.0,
        batch_size=ROWS // 4,
        throttle="[Pause(seconds=1.3)]",
    )
    site.add("D002", "D001")

    first = site.run_job()

    assert not first.success, first.said
    assert site.statuses("D001") == ["paused"]
    assert site.effects() == first.materialized() == []
    assert site.statuses("D002") == ([] if site.deployment.knows_policies else ["blocked"])
    done = counts(site)[1]
    assert 0 < done < ROWS

    runs = 1
    while not (last := site.run_job()).success and runs < MOST_RUNS:
        runs += 1

    assert last.success, last.said
    assert site.statuses("D001") == ["paused"] * runs + ["success"]
    assert counts(site) == {1: ROWS}
    assert last.materialized() == ["D001", "D002"]


@pytest.mark.parametrize("site", EXECUTORS, indirect=True)
def test_a_worker_killed_in_a_batch_loses_that_batch_only(site: Site) -> None:
    write_batched(
        site,
        f"""
        from pathlib import Path
        from support.executors import effects
        done = conn.exec_driver_sql('SELECT count(*) FROM counted WHERE n > 0').scalar()
        if done > 300:
            effects.stay(Path({str(site.root)!r}), 'D001')
        """,
        with_rows=True,
    )

    with site.job() as job:
        os.kill(site.pid_in("D001", job), SIGKILL)
        assert counts(site) == {0: 700, 1: 300}
        site.let_go("D001")
        job.wait()
    if not site.last_run(job).success:
        again = site.run_job()
        assert again.success, again.said

    assert counts(site) == {1: ROWS}
    assert site.statuses("D001") == ["interrupted", "success"]
    assert [row.rows_affected for row in site.attempts("D001")][-1] == ROWS - 300
