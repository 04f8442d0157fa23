"""The configuration in `docs/dagster-executors.md`, as far as it can be held against its users."""

from __future__ import annotations

import re
import runpy
from datetime import UTC, datetime, timedelta
from logging import getLogger
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from dagster import (
    AssetsDefinition,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    job,
    validate_run_config,
)
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config
from dagster._daemon.monitoring import concurrency
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import (
    DagsterK8sJobConfig,
    UserDefinedDagsterK8sConfig,
    construct_dagster_k8s_job,
    get_user_defined_k8s_config,
)
from dagster_postgres.utils import pg_config, pg_url_from_config

from support.pages import ROOT
from support.projects import ProjectFolder

PAGE = ROOT / "docs" / "dagster-executors.md"
SECTION = re.compile(r"^## (.+?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```(?:python|yaml|ini)\n# ([\w.-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITH_DEFINITIONS = ["Processes on one machine", "Celery", "Dask", "Kubernetes"]


def _files(section: str) -> dict[str, str]:
    """The files of a section, by name."""
    sections = dict(SECTION.findall(PAGE.read_text()))
    return dict(FILE.findall(sections[section]))


def _settings(section: str, name: str) -> Any:
    return yaml.safe_load(_files(section)[name])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """A project with the page's ini, on a machine that does not know the database."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    project = ProjectFolder(tmp_path / "shop", "")
    project.write("delembic.ini", _files("What every machine needs")["delembic.ini"])
    project.migration("D007")
    return project


def _definitions(project: ProjectFolder, section: str) -> Definitions:
    path = project.write("definitions.py", _files(section)["definitions.py"])
    defs = runpy.run_path(str(path))["defs"]
    assert isinstance(defs, Definitions)
    return defs


@pytest.mark.parametrize("section", WITH_DEFINITIONS)
def test_the_definitions_load_and_take_the_run_configuration(
    project: ProjectFolder, section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1/0")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://127.0.0.1/0")
    job = _definitions(project, section).resolve_job_def("delembic_upgrade")

    validated = validate_run_config(job, _settings(section, "run.yaml"))

    (executor,) = validated["execution"].values()
    assert executor.keys() >= _settings(section, "run.yaml")["execution"]["config"].keys()


def test_a_step_on_kubernetes_becomes_a_pod_with_the_secret_resources_and_time_to_roll_back(
    project: ProjectFolder,
) -> None:
    """Put together as the executor does it: launcher, then run configuration, then the op."""
    (asset,) = _definitions(project, "Kubernetes").assets or []
    assert isinstance(asset, AssetsDefinition)
    launcher, executor = _launcher(), _settings("Kubernetes", "run.yaml")["execution"]["config"]
    context = _pod(launcher["run_k8s_config"], launcher["env_secrets"])
    context = context.merge(_pod({}, executor["env_secrets"]))
    context = context.merge(
        K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(asset.op.tags))
    )
    context = context.merge(_pod(executor["per_step_k8s_config"][asset.op.name]))

    job = construct_dagster_k8s_job(
        DagsterK8sJobConfig(
            job_image=launcher["job_image"],
            dagster_home=launcher["dagster_home"],
            instance_config_map=launcher["instance_config_map"],
            postgres_password_secret=launcher["postgres_password_secret"],
        ),
        args=["dagster", "api", "execute_step"],
        job_name="dagster-step",
        user_defined_k8s_config=context.run_k8s_config,
    )

    pod = job.spec.template.spec
    (container,) = pod.containers
    assert pod.termination_grace_period_seconds == 120
    assert container.image == "registry.example.com/shop:2024-01-15"
    assert container.resources.requests == {"cpu": "250m", "memory": "256Mi"}
    assert container.resources.limits == {"memory": "8Gi"}
    assert "shop-database" in [source.secret_ref.name for source in container.env_from]


def test_the_helm_values_say_the_same_as_the_launcher() -> None:
    values = _settings("Kubernetes", "values.yaml")
    helm = values["runLauncher"]["config"]["k8sRunLauncher"]
    (location,) = values["dagster-user-deployments"]["deployments"]
    launcher = _launcher()

    assert helm["jobNamespace"] == launcher["job_namespace"]
    assert [secret["name"] for secret in helm["envSecrets"]] == launcher["env_secrets"]
    assert location["envSecrets"] == helm["envSecrets"]
    assert (
        ":".join(location["image"][part] for part in ("repository", "tag"))
        == (launcher["job_image"])
    )
    assert (
        helm["runK8sConfig"]["podSpecConfig"]["terminationGracePeriodSeconds"]
        == (launcher["run_k8s_config"]["pod_spec_config"]["termination_grace_period_seconds"])
    )


def test_the_secret_has_what_the_ini_asks_for() -> None:
    ini = _files("What every machine needs")["delembic.ini"]
    secret = _settings("Kubernetes", "secret.yaml")

    assert re.findall(r"\$\{(\w+)\}", ini) == list(secret["stringData"])
    assert secret["metadata"]["name"] in _launcher()["env_secrets"]


def test_dagster_takes_the_settings_of_the_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "p@ss")
    (tmp_path / "dagster.yaml").write_text(
        _files("What every machine needs")["dagster.yaml"]
        + _files("Kubernetes")["launcher.yaml"]
        + _files("Pools and concurrency")["concurrency.yaml"]
    )

    settings, _ = dagster_instance_config(str(tmp_path))

    storage = process_config(pg_config(), settings["storage"]["postgres"])
    assert storage.value is not None, storage.errors
    assert pg_url_from_config(storage.value) == (
        "postgresql+psycopg2://dagster:p%40ss@db.example.com:5432/dagster"
    )
    assert settings["concurrency"]["pools"]["default_limit"] == 1


def test_a_killed_run_gives_its_place_in_the_pool_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text(_files("Pools and concurrency")["concurrency.yaml"])
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        places = instance.event_log_storage
        places.initialize_concurrency_limit_to_default("warehouse")
        run = instance.create_run_for_job(_nothing, status=DagsterRunStatus.STARTED)
        assert places.claim_concurrency_slot("warehouse", run.run_id, "step").is_claimed
        instance.report_run_failed(run)
        assert not places.claim_concurrency_slot("warehouse", "another", "step").is_claimed

        later = datetime.now(UTC) + timedelta(minutes=6)
        monkeypatch.setattr(concurrency, "get_current_datetime", lambda: later)
        daemon: Any = SimpleNamespace(instance=instance)
        list(concurrency.execute_concurrency_slots_iteration(daemon, getLogger()))

        assert places.claim_concurrency_slot("warehouse", "another", "step").is_claimed


@job
def _nothing() -> None:
    """A job to create a run of."""


def _launcher() -> dict[str, Any]:
    """The launcher's configuration, as it reads it itself."""
    launcher = _settings("Kubernetes", "launcher.yaml")["run_launcher"]
    assert (launcher["module"], launcher["class"]) == ("dagster_k8s", K8sRunLauncher.__name__)
    schema = DagsterK8sJobConfig.config_type_run_launcher()  # type: ignore[no-untyped-call] # theirs
    read = process_config(schema, launcher["config"])
    assert read.success, read.errors
    assert read.value is not None
    return dict(read.value)


def _pod(config: dict[str, Any], env_secrets: list[str] | None = None) -> K8sContainerContext:
    pod = UserDefinedDagsterK8sConfig(**config)
    return K8sContainerContext(env_secrets=env_secrets, run_k8s_config=pod)
