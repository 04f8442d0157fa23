"""A project as a component: the settings in its YAML, as `dg` reads them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Backoff,
    DagsterInstance,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    HookContext,
    Jitter,
    RetryPolicy,
    ScheduleDefinition,
    build_schedule_context,
    failure_hook,
    in_process_executor,
    multiprocess_executor,
)
from dagster.components.resolved.errors import ResolutionException
from dagster.components.testing.utils import component_defs
from pydantic import ValidationError

from delembic import Config, ConfigurationError, DefinitionError, State, commands
from delembic_dagster import (
    DelembicProject,
    DelembicProjectComponent,
    DelembicResource,
    DelembicTranslatorData,
)
from delembic_dagster.component.attributes import OpAttributes, RetryAttributes, ScheduleAttributes
from delembic_dagster.resource import Result
from delembic_dagster.testing import JobRun
from support.component_sandbox import BETAS, Sandbox, assets
from support.dagster_location import Location, key
from support.dg_project import DgProject
from support.projects import ProjectFolder

pytestmark = BETAS

TYPE = "delembic_dagster.DelembicProjectComponent"
MIGRATION = """
from delembic import DataMigration

class Migration{revision}(DataMigration):
    revision = {revision!r}
    depends_on = {depends_on!r}
    description = "the work of {revision}"
    tags = {{"domain": {domain!r}}}

    def upgrade(self, conn):
        return

    def validate(self, conn):
        pass
"""


@pytest.fixture
def two(files: ProjectFolder) -> ProjectFolder:
    """Two migrations, the second of which waits for the first, and an unreachable database."""
    for revision, depends_on, domain in [("D001", [], "design"), ("D002", ["D001"], "sales")]:
        files.write(
            f"delembic/versions/{revision}.py",
            MIGRATION.format(revision=revision, depends_on=depends_on, domain=domain),
        )
    return files


def component(folder: ProjectFolder, settings: str = "", **scope: Any) -> DelembicProjectComponent:
    """The component with the given YAML under ``attributes``."""
    lines = f"project: {folder.root}\n{textwrap.dedent(settings)}"
    made: DelembicProjectComponent = DelembicProjectComponent.resolve_from_yaml(lines, scope=scope)
    return made


def definitions(folder: ProjectFolder, settings: str = "", **scope: Any) -> Definitions:
    return component_defs(component=component(folder, settings, **scope))


def specs(defs: Definitions) -> dict[str, AssetSpec]:
    return {name: asset.specs_by_key[asset.key] for name, asset in assets(defs).items()}


def only_schedule(defs: Definitions) -> ScheduleDefinition:
    (schedule,) = defs.schedules or ()
    assert isinstance(schedule, ScheduleDefinition)
    return schedule


def asked_for(schedule: ScheduleDefinition, instance: DagsterInstance) -> list[AssetKey]:
    """The assets that a tick requests."""
    with build_schedule_context(instance) as context:
        data = schedule.evaluate_tick(context)
    return [each for request in data.run_requests or () for each in request.asset_selection or ()]


def said(ran: JobRun, instance: DagsterInstance) -> list[str]:
    """The lines that the steps of a run logged."""
    return [entry.user_message for entry in instance.all_logs(ran.run_id)]


# --- settings in YAML -----------------------------------------------------------------------------


def test_without_settings_it_defines_all_migrations_and_the_job_and_opens_no_database(
    two: ProjectFolder,
) -> None:
    defs = definitions(two)

    assert list(assets(defs)) == ["delembic/D001", "delembic/D002"]
    assert [check.key.name for each in assets(defs).values() for check in each.check_specs] == [
        "validate",
        "validate",
    ]
    assert defs.resolve_job_def("delembic_upgrade").executor_def is in_process_executor
    assert not defs.schedules


def test_the_job_brings_the_database_up_to_date(location: Location) -> None:
    location.inserting("D001", validate="pass")
    location.inserting("D002", "D001")

    ran = location.run_definitions(definitions(location.folder))

    assert ran.success
    assert location.inserted() == ["D001", "D002"]
    assert ran.checks() == [("D001", True)]


def test_a_section_can_come_from_the_environment(
    two: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (two.root / "delembic.ini").open("a") as ini:
        ini.write("[staging]\nscript_location = delembic\n")
    monkeypatch.setenv("SHOP_SECTION", "staging")

    made = component(two, "section: '{{ env.SHOP_SECTION }}'")

    assert made.delembic_project.config.section == "staging"


def test_a_variable_that_is_not_set_is_named(two: ProjectFolder) -> None:
    with pytest.raises(ResolutionException, match="SHOP_SECTION is not set"):
        component(two, "section: \"{{ env('SHOP_SECTION') }}\"")

    made = component(two, "section: \"{{ env('SHOP_SECTION', 'delembic') }}\"")
    assert made.section == "delembic"


def test_many_migrations_can_be_one_step(two: ProjectFolder) -> None:
    (together,) = definitions(two, "mode: single_step").assets or ()

    assert isinstance(together, AssetsDefinition)
    assert together.keys == {key("D001"), key("D002")}


@pytest.mark.parametrize("select", ["D002", "tag:domain=sales", "[D002]"])
def test_it_defines_only_the_selected_migrations(two: ProjectFolder, select: str) -> None:
    defs = definitions(two, f"select: {select}")

    assert list(assets(defs)) == ["delembic/D002"]


def test_a_translation_changes_assets_and_can_use_the_migration(two: ProjectFolder) -> None:
    defs = definitions(
        two,
        """
        translation:
          group_name: "{{ migration.tags.domain }}"
          tags: {tier: gold}
          metadata: {title: "{{ spec.description }}"}
          owners: ["team:{{ migration.tags.domain }}"]
          kinds: [table]
        """,
    )

    second = specs(defs)["delembic/D002"]
    assert second.group_name == "sales"
    assert second.tags["tier"] == "gold"
    assert second.tags["domain"] == "sales"  # merged with the existing tags
    assert second.metadata["title"] == "the work of D002"
    assert second.metadata["delembic/revision"] == "D002"
    assert second.owners == ["team:sales"]
    assert second.kinds == {"table"}


def test_lineage_and_checks_follow_a_translated_key(two: ProjectFolder) -> None:
    defs = definitions(two, "translation: {key_prefix: warehouse}")

    shown = specs(defs)
    assert list(shown) == ["warehouse/delembic/D001", "warehouse/delembic/D002"]
    (dependency,) = shown["warehouse/delembic/D002"].deps
    assert dependency.asset_key.to_user_string() == "warehouse/delembic/D001"
    assert {
        check.asset_key.to_user_string()
        for each in assets(defs).values()
        for check in each.check_specs
    } == set(shown)
    defs.resolve_job_def("delembic_upgrade")


def test_it_returns_the_asset_key_of_a_revision(two: ProjectFolder) -> None:
    moved = component(two, "translation: {key_prefix: warehouse}")

    assert moved.asset_key_for_revision("D002") == AssetKey(["warehouse", "delembic", "D002"])


def test_a_translation_can_give_each_migration_its_own_key(two: ProjectFolder) -> None:
    defs = definitions(two, "translation: {key: 'shop/{{ migration.id | lower }}'}")

    assert list(assets(defs)) == ["shop/d001", "shop/d002"]


def test_two_migrations_with_the_same_key_are_rejected(two: ProjectFolder) -> None:
    with pytest.raises(DefinitionError, match="D001 and D002 have the same asset key, shop"):
        definitions(two, "translation: {key: shop}")


def test_op_settings_apply_to_every_step(two: ProjectFolder) -> None:
    defs = definitions(
        two,
        """
        op:
          pool: warehouse
          tags: {dagster/priority: "3"}
          retry_policy: {max_retries: 2, delay: 30, backoff: exponential, jitter: plus_minus}
        """,
    )

    for asset in assets(defs).values():
        assert asset.op.pool == "warehouse"
        assert asset.op.tags["dagster/priority"] == "3"
        assert asset.op.retry_policy == RetryPolicy(
            max_retries=2, delay=30, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS
        )


def test_the_job_has_the_name_and_the_executor_that_are_set(two: ProjectFolder) -> None:
    defs = definitions(two, "job_name: migrate\nexecutor: multiprocess")

    assert defs.resolve_job_def("migrate").executor_def is multiprocess_executor


def test_an_executor_can_come_from_a_template_variable(two: ProjectFolder) -> None:
    limited = multiprocess_executor.configured({"max_concurrent": 1}, name="limited")

    defs = definitions(two, "executor: '{{ limited }}'", limited=limited)

    assert defs.resolve_job_def("delembic_upgrade").executor_def is limited


def test_a_schedule_runs_the_pending_migrations_of_the_component(sqlite_location: Location) -> None:
    for revision in ("D001", "D002", "D003"):
        sqlite_location.inserting(revision)
    settings = """
        select: [D001, D002]
        translation: {key: "shop/{{ migration.id }}"}
        schedule: {cron: "0 5 * * *"}
        """
    defs = definitions(sqlite_location.folder, settings)
    schedule = only_schedule(defs)

    first, second = AssetKey(["shop", "D001"]), AssetKey(["shop", "D002"])
    assert asked_for(schedule, sqlite_location.instance) == [first, second]
    sqlite_location.folder.apply("D001")
    assert asked_for(schedule, sqlite_location.instance) == [second]

    assert schedule.name == "delembic_upgrade_schedule"
    assert schedule.cron_schedule == "0 5 * * *"
    assert schedule.default_status == DefaultScheduleStatus.STOPPED
    assert schedule.job_name == "delembic_upgrade"


def test_a_schedule_can_be_just_a_cron_expression(two: ProjectFolder) -> None:
    short = only_schedule(definitions(two, "schedule: 0 5 * * *"))
    long = only_schedule(definitions(two, "schedule: {cron: 0 5 * * *}"))

    assert (short.name, short.cron_schedule) == (long.name, "0 5 * * *")
    assert short.default_status == long.default_status


def test_a_schedule_has_the_given_settings(two: ProjectFolder) -> None:
    defs = definitions(
        two,
        """
        schedule:
          cron: ["0 5 * * *", "0 17 * * *"]
          timezone: Europe/Berlin
          selection: D001
          name: twice
          default_status: running
        """,
    )

    schedule = only_schedule(defs)
    assert schedule.name == "twice"
    assert schedule.cron_schedule == ["0 5 * * *", "0 17 * * *"]
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.default_status == DefaultScheduleStatus.RUNNING
    with DagsterInstance.ephemeral() as instance:
        assert asked_for(schedule, instance) == [key("D001")]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ("colour: red", "colour"),
        ("mode: per_migraton", "mode"),
        ("section: [a]", "section"),
        ("executor: threads", "executor"),
        ("schedule: {timezone: Europe/Berlin}", "cron"),
        ("schedule: {cron: 0 5 * * *, default_status: on}", "default_status"),
        ("op: {retry_policy: {max_retries: often}}", "max_retries"),
        ("op: {retry_policy: {max_retries: -1}}", "max_retries"),
        ("op: {retry_policy: {backoff: cubic}}", "backoff"),
        ("op: {name: x}", "name"),
        ("translation: {colour: red}", "colour"),
        ("translation: {group_name: '{{ migration.colour }}'}", "colour"),
    ],
)
def test_an_invalid_setting_is_named_in_the_error(
    two: ProjectFolder, settings: str, named: str
) -> None:
    with pytest.raises(Exception, match=rf"\b{named}\b"):
        definitions(two, settings)


def test_the_error_for_an_unknown_executor_lists_the_known_ones(two: ProjectFolder) -> None:
    with pytest.raises(Exception, match="Choose in_process or multiprocess"):
        definitions(two, "executor: threads")


def test_a_missing_project_is_a_configuration_error(files: ProjectFolder) -> None:
    made = DelembicProjectComponent(project=files.root / "nowhere")

    with pytest.raises(ConfigurationError, match="nowhere does not exist"):
        component_defs(component=made)


def test_every_setting_is_described() -> None:
    for kind in (DelembicProjectComponent, OpAttributes, RetryAttributes, ScheduleAttributes):
        for name, schema in kind.model().model_json_schema()["properties"].items():
            assert schema.get("description"), f"{kind.__name__}.{name}"


# --- in Python ------------------------------------------------------------------------------------


class Priced(DelembicProjectComponent):
    """A subclass that changes the assets of its components, with a setting of its own."""

    price: str = "cheap"

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        spec = super().get_asset_spec(data)
        tags = {"price": self.price, "domain": "none"}
        return spec.merge_attributes(tags=tags).replace_attributes(group_name="priced")

    def execute(
        self, context: AssetExecutionContext, delembic: DelembicResource
    ) -> Iterator[Result]:
        context.log.info("before")
        for result in super().execute(context, delembic):
            context.log.info(f"paid {self.price}")
            yield result


def test_a_subclass_changes_assets_and_its_yaml_takes_precedence(
    two: ProjectFolder,
) -> None:
    lines = f"project: {two.root}\nprice: dear\ntranslation: {{group_name: yaml}}"

    defs = component_defs(component=Priced.resolve_from_yaml(lines))

    first = specs(defs)["delembic/D001"]
    assert (first.group_name, first.tags["price"]) == ("yaml", "dear")


def test_a_subclass_can_wrap_all_migrations_in_a_single_step(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001", validate="pass")
    sqlite_location.inserting("D002", "D001")
    made = Priced(project=sqlite_location.folder.root, mode="single_step")

    ran = sqlite_location.run_definitions(component_defs(component=made))

    assert sqlite_location.inserted() == ["D001", "D002"]
    assert list(ran.materialized()) == ["D001", "D002"]
    assert said(ran, sqlite_location.instance).count("before") == 1


def test_a_subclass_can_wrap_each_migration(location: Location) -> None:
    location.inserting("D001", validate="pass")
    location.inserting("D002", "D001")
    location.folder.migration("D003", "1/0", depends_on=("D002",))
    location.folder.migration("D004", depends_on=("D003",))

    ran = location.run_definitions(component_defs(component=Priced(project=location.folder.root)))

    assert location.inserted() == ["D001", "D002"]
    assert list(ran.materialized()) == ["D001", "D002"]
    assert ran.checks() == [("D001", True)]
    assert ran.failed() == {"D003"}
    assert ran.started() == ["D001", "D002", "D003"]
    assert said(ran, location.instance).count("before") == 3
    assert said(ran, location.instance).count("paid cheap") == 2


# --- relative paths in YAML -----------------------------------------------------------------------


def test_a_relative_project_path_starts_at_the_folder_of_its_yaml(sandbox: Sandbox) -> None:
    folder = sandbox.scaffold(scaffold_params={"init": True})
    commands.init(folder / "data")
    commands.revision(DelembicProject(folder / "data").config, "load colours")
    (folder / "defs.yaml").write_text(f"type: {TYPE}\nattributes: {{project: data}}\n")

    assert list(assets(sandbox.definitions())) == ["delembic/D001"]


def test_two_components_in_one_location_have_their_own_jobs_and_keys(sandbox: Sandbox) -> None:
    folder = sandbox.scaffold(scaffold_params={"init": True})
    commands.revision(DelembicProject(sandbox.root).config, "load colours")
    (folder / "defs.yaml").write_text(
        f"""
type: {TYPE}
attributes: {{project: "{{{{ context.project_root }}}}"}}
---
type: {TYPE}
attributes:
  project: "{{{{ context.project_root }}}}"
  job_name: other
  translation: {{key_prefix: other}}
"""
    )

    defs = sandbox.definitions()

    assert {asset.key.to_user_string() for asset in defs.resolve_asset_graph().asset_nodes} == {
        "delembic/D001",
        "other/delembic/D001",
    }
    assert defs.resolve_job_def("other").name == "other"


# --- dg -------------------------------------------------------------------------------------------


@pytest.fixture
def dg(tmp_path: Path) -> DgProject:
    return DgProject(tmp_path)


@pytest.mark.long
def test_dg_lists_scaffolds_checks_and_launches_the_component(dg: DgProject) -> None:
    assert TYPE in dg.run("list", "components")

    dg.run("scaffold", "defs", TYPE, "migrations", "--init", "true")
    ini = dg.root / "delembic.ini"
    ini.write_text("[delembic]\nscript_location = delembic\nsqlalchemy.url = sqlite:///shop.db\n")
    file = commands.revision(Config.load(ini), "load colours").path
    file.write_text(file.read_text().replace("pass", "return"))

    assert "All component YAML validated" in dg.run("check", "yaml")
    assert "All definitions loaded" in dg.run("check", "defs")
    assert "delembic/D001" in dg.run("list", "defs")
    launched = dg.run("launch", "--job", "delembic_upgrade")
    assert "Asset check 'validate' on 'delembic/D001_load_colours' passed" in launched
    assert "RUN_SUCCESS" in launched
    (standing,) = commands.history(Config.load(ini))
    assert standing.state == State.APPLIED


@pytest.mark.long
def test_dg_names_the_invalid_setting_and_its_line(dg: DgProject) -> None:
    dg.run("scaffold", "defs", TYPE, "migrations", "--init", "true")
    correct = dg.defs_yaml.read_text()

    dg.defs_yaml.write_text(f"{correct}  schedle: {{}}\n")
    assert "defs.yaml:6 - " in (told := dg.run("check", "yaml", fails=True))
    assert "'schedle' was unexpected" in told
    dg.defs_yaml.write_text(f"{correct}  mode: per_migraton\n")
    told = dg.run("check", "defs", fails=True)
    assert "mode" in told
    assert "Input should be 'per_migration'" in told
    dg.defs_yaml.write_text(f"{correct}  select: D404\n")
    assert "D404" in dg.run("check", "defs", fails=True)


@pytest.mark.long
def test_dg_describes_the_component(dg: DgProject) -> None:
    told = dg.run("utils", "inspect-component", TYPE)

    assert "Defines the data migrations of a delembic project as assets" in told
    assert "The folder that contains delembic.ini, or will contain it" in told
    assert "A tick that finds nothing pending starts no run" in told


def test_two_components_with_prefixes_can_wait_for_the_same_revision_of_alembic(
    two: ProjectFolder,
) -> None:
    two.migration("D001", depends_on=("s1",))

    defs = Definitions.merge(
        definitions(two, "translation: {key_prefix: x}"),
        definitions(two, "key_prefix: [y, z]\njob_name: other"),
        definitions(two, "key_prefix: w\njob_name: third\nschema_assets: false"),
        Definitions([AssetSpec(["alembic", "s1"], description="the user's own")]),
    )

    Definitions.validate_loadable(defs)
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert {key for key in keys if "s1" in key} == {"alembic/s1", "x/alembic/s1", "y/z/alembic/s1"}


def test_names_and_group_are_those_of_the_settings(two: ProjectFolder) -> None:
    (two.versions / "D001.py").rename(two.versions / "D001_hues.py")

    found = specs(definitions(two, "names: file\ngroup_name: migrations"))

    assert {spec.key.path[-1] for spec in found.values()} == {"D001_hues", "D002"}
    assert {spec.group_name for spec in found.values()} == {"migrations"}


def test_runs_of_the_job_have_the_tags_and_hooks_of_the_settings(
    sqlite_location: Location,
) -> None:
    seen: list[str] = []

    @failure_hook
    def alert(context: HookContext) -> None:
        seen.append(context.op.name)

    sqlite_location.folder.migration("D001", "1/0")
    for hooks in ("'{{ alert }}'", "['{{ alert }}']"):
        defs = definitions(
            sqlite_location.folder,
            f"tags: {{dagster/max_retries: '2'}}\nhooks: {hooks}",
            alert=alert,
        )
        ran = defs.resolve_job_def("delembic_upgrade").execute_in_process(
            instance=sqlite_location.instance, raise_on_error=False
        )
        assert ran.dagster_run.tags["dagster/max_retries"] == "2"
    assert seen == ["delembic__D001", "delembic__D001"]


def test_hooks_have_to_be_hooks(two: ProjectFolder) -> None:
    with pytest.raises(ValidationError, match="should be an instance of HookDefinition"):
        definitions(two, "hooks: alert")


@pytest.mark.parametrize(
    ("name", "schedule"),
    [("schedule", "delembic_upgrade_schedule"), ("validation_cron", "delembic_verify_schedule")],
)
def test_both_schedules_can_have_several_times_a_zone_and_a_status(
    two: ProjectFolder, name: str, schedule: str
) -> None:
    plain = only_schedule(definitions(two, f"{name}: [0 5 * * *, 0 17 * * *]"))
    full = only_schedule(
        definitions(
            two,
            f"{name}: {{cron: 0 5 * * *, timezone: Europe/Berlin, default_status: running}}",
        )
    )

    assert (plain.name, full.name) == (schedule, schedule)
    assert plain.cron_schedule == ["0 5 * * *", "0 17 * * *"]
    assert (full.execution_timezone, full.default_status) == (
        "Europe/Berlin",
        DefaultScheduleStatus.RUNNING,
    )


def test_sensors_can_run_from_the_start(two: ProjectFolder) -> None:
    sensors = definitions(two, "sensor_default_status: running").sensors or ()

    assert {sensor.default_status for sensor in sensors} == {DefaultSensorStatus.RUNNING}
