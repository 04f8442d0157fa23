"""Dagster's own storage on PostgreSQL, and workers of each kind, shared by a module's tests."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from kombu.connection import Connection

from support.executors.programs import running
from support.executors.sites import Deployment, Site
from support.executors.workers import celery_deployment, celery_worker
from support.servers.availability import ServerUnavailableError, do_without
from support.servers.databases import Databases
from support.servers.redis import private_redis

ACKNOWLEDGING_LATE = {
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    # Redis takes a step for lost after so many seconds, and is looked at for such every second.
    "broker_transport_options": {
        "visibility_timeout": 5,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
}
RABBITMQ = "amqp://guest@127.0.0.1:5672"


@pytest.fixture(scope="module")
def home(
    postgresql_databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A Dagster instance that every worker reaches, whichever machine it is on."""
    folder = tmp_path_factory.mktemp("home")
    with postgresql_databases.fresh() as url:
        storage = url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        settings = {
            "storage": {"postgres": {"postgres_url": storage}},
            "telemetry": {"enabled": False},
        }
        (folder / "dagster.yaml").write_text(json.dumps(settings))
        yield folder


@pytest.fixture(scope="module")
def instance(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis that nobody else uses."""
    try:
        with private_redis() as url:
            yield url
    except ServerUnavailableError as reason:
        do_without("redis", reason)


@pytest.fixture(scope="module")
def multiprocess(home: Path, instance: DagsterInstance) -> Deployment:
    """Each step in a new process, forked from one that has imported the heavy modules."""
    forks = {"forkserver": {"preload_modules": ["delembic_dagster", "dagster_postgres"]}}
    config = {"max_concurrent": 2, "start_method": forks}
    return Deployment(home, "dagster:multiprocess_executor", config)


@pytest.fixture(scope="module")
def celery(home: Path, instance: DagsterInstance, redis_url: str) -> Iterator[Deployment]:
    """Celery's workers, with Redis between."""
    deployment = celery_deployment(home, {"broker": redis_url, "backend": redis_url})
    with celery_worker(deployment, processes=2):
        yield deployment


@contextmanager
def _rabbitmq(home: Path, **config: Any) -> Iterator[Deployment]:
    """A deployment with RabbitMQ between, if there is one on this machine."""
    try:
        socket.create_connection(("127.0.0.1", 5672), timeout=1).close()
    except OSError as error:
        pytest.skip(f"No RabbitMQ answers at {RABBITMQ}: {error}")
    deployment = celery_deployment(home, {"broker": f"{RABBITMQ}//", "backend": "rpc://", **config})
    yield deployment
    # The server is not ours, so nothing is left on it.
    with Connection(RABBITMQ) as connection:  # type: ignore[no-untyped-call] # kombu has no types
        connection.default_channel.queue_delete(deployment.op_tags["dagster-celery/queue"])


@pytest.fixture(scope="module")
def celery_rabbitmq(home: Path, instance: DagsterInstance) -> Iterator[Deployment]:
    """Celery's workers, with RabbitMQ between."""
    with _rabbitmq(home) as deployment, celery_worker(deployment, processes=1):
        yield deployment


@pytest.fixture(scope="module")
def late_celery(home: Path, instance: DagsterInstance, redis_url: str) -> Deployment:
    """Celery without workers yet, which are to acknowledge a step when it has ended."""
    config = {"broker": redis_url, "backend": redis_url, "config_source": ACKNOWLEDGING_LATE}
    return celery_deployment(home, config)


@pytest.fixture(scope="module")
def late_celery_rabbitmq(home: Path, instance: DagsterInstance) -> Iterator[Deployment]:
    """The same, with RabbitMQ between."""
    with _rabbitmq(home, config_source=ACKNOWLEDGING_LATE) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def dask(
    home: Path, instance: DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A Dask cluster that was there before, of two workers."""
    folder = tmp_path_factory.mktemp("dask")
    contact = folder / "scheduler.json"
    scheduler = ["dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    # Dagster is not made for threads: one to each worker.
    worker = ["dask", "worker", "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    with running([*scheduler, "--scheduler-file", contact], folder / "scheduler.txt") as scheduling:
        scheduling.await_that(contact.exists)
        with running(
            [*worker, "--scheduler-file", contact], folder / "worker.txt", DAGSTER_HOME=str(home)
        ) as working:
            working.await_saying("Starting established connection", times=2)
            address = json.loads(contact.read_text())["address"]
            config = {"cluster": {"existing": {"address": address}}}
            yield Deployment(
                home,
                "dagster_dask:dask_executor",
                config,
                knows_policies=False,
                survives_deaths=True,
            )


@pytest.fixture(scope="module")
def dask_local(home: Path, instance: DagsterInstance) -> Deployment:
    """A Dask cluster that comes and goes with the run."""
    config = {"cluster": {"local": {"n_workers": 2, "dashboard_address": None}}}
    return Deployment(
        home, "dagster_dask:dask_executor", config, knows_policies=False, survives_deaths=True
    )


@pytest.fixture(scope="module")
def pods(home: Path, instance: DagsterInstance) -> Deployment:
    """A process for each step, with the command of a pod."""
    return Deployment(home, "support.executors.pods:pods_executor", {})


@pytest.fixture
def make_site(
    instance: DagsterInstance, postgresql_url: str, tmp_path: Path
) -> Callable[[Deployment], Site]:
    """Makes an empty project on an empty PostgreSQL database."""
    return lambda deployment: Site(
        tmp_path / "project", postgresql_url, deployment=deployment, instance=instance
    )


@pytest.fixture
def site(request: pytest.FixtureRequest, make_site: Callable[[Deployment], Site]) -> Site:
    """An empty project, whose steps are executed by the workers that the test names."""
    return make_site(request.getfixturevalue(request.param))
