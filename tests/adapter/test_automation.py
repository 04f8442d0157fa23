"""Migrations under Dagster's declarative automation."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

from dagster import (
    AssetMaterialization,
    AssetSelection,
    AssetSpec,
    AutomationCondition,
    DagsterInstance,
    Definitions,
    asset,
    evaluate_automation_conditions,
    materialize,
)

from delembic_dagster import (
    DagsterDelembicTranslator,
    DelembicTranslatorData,
    build_delembic_run_history_sensor,
    on_cron_after_migrations,
    pending_migration_condition,
)
from support.dagster_location import Location, key
from support.ticking import tick


class Automatic(DagsterDelembicTranslator):
    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(automation_condition=pending_migration_condition())


def asked(definitions: Definitions, instance: DagsterInstance) -> set[str]:
    result = evaluate_automation_conditions(
        definitions, instance, asset_selection=AssetSelection.all()
    )
    return {each.key.path[-1] for each in result.results if result.get_num_requested(each.key)}


def test_a_revision_of_alembic_does_not_block_the_condition(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001", "S001")
    sqlite_location.inserting("D002", "D001")
    definitions = sqlite_location.definitions(translator=Automatic())

    assert asked(definitions, sqlite_location.instance) == {"D001", "D002"}


def test_neither_applied_nor_failed_migrations_are_requested_again(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.inserting("D002", "D001")
    location.folder.migration("D003", "1/0", depends_on=("D001",))
    location.inserting("D004", "D003")
    definitions = location.definitions(translator=Automatic())

    everything = {"D001", "D002", "D003", "D004"}
    assert asked(definitions, location.instance) == everything
    location.run_definitions(definitions, "D001")
    assert asked(definitions, location.instance) == everything - {"D001"}
    location.run_definitions(definitions, "D002", "D003", "D004")
    assert asked(definitions, location.instance) == set()
    location.run_definitions(
        definitions, "D001"
    )  # already applied, so nothing downstream is requested
    assert asked(definitions, location.instance) == set()


def test_command_line_runs_count_once_they_are_reported(sqlite_location: Location) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.inserting("D002", "D001")
    definitions = location.definitions(translator=Automatic())
    location.folder.upgrade("D001")

    tick(build_delembic_run_history_sensor(location.project), location.instance)

    assert asked(definitions, location.instance) == {"D002"}


def test_without_the_condition_nothing_is_requested(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")

    assert asked(sqlite_location.definitions(), sqlite_location.instance) == set()


def test_an_asset_downstream_is_not_updated_while_the_data_version_is_the_same(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    when_applied = AutomationCondition.eager().replace(
        "newly_updated", AutomationCondition.data_version_changed()
    )

    @asset(deps=[key("D001")], automation_condition=when_applied)
    def by_version() -> None: ...

    @asset(deps=[key("D001")], automation_condition=AutomationCondition.eager())
    def eager() -> None: ...

    reports = Definitions([by_version, eager])
    definitions = Definitions.merge(location.definitions(), reports)

    def tick_after(before: Any) -> Any:
        return evaluate_automation_conditions(
            definitions,
            location.instance,
            asset_selection=AssetSelection.all(),
            cursor=before.cursor if before else None,
        )

    first = tick_after(None)
    location.run_definitions(definitions)
    applied = tick_after(first)
    materialize([by_version, eager], instance=location.instance)
    made = tick_after(applied)
    location.run_definitions(definitions)
    again = tick_after(made)

    requested = [
        (ticked.get_num_requested(by_version.key), ticked.get_num_requested(eager.key))
        for ticked in (first, applied, made, again)
    ]
    assert requested == [(0, 0), (1, 1), (0, 0), (0, 1)]


def test_an_asset_downstream_is_made_at_each_time_once_its_migrations_are_applied(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001", "S001")

    @asset(deps=[key("D001")], automation_condition=on_cron_after_migrations("0 5 * * *"))
    def report() -> None: ...

    @asset(deps=[key("D001")], automation_condition=AutomationCondition.on_cron("0 5 * * *"))
    def plain() -> None: ...

    definitions = Definitions.merge(location.definitions(), Definitions([report, plain]))
    cursor = None
    requested: dict[str, list[tuple[int, int]]] = {"report": [], "plain": []}
    for day, hour in product(range(4), (3, 4, 6)):
        if (day, hour) == (2, 3):
            location.instance.report_runless_asset_event(AssetMaterialization(key("D001")))
        result = evaluate_automation_conditions(
            definitions,
            location.instance,
            asset_selection=AssetSelection.all(),
            cursor=cursor,
            evaluation_time=datetime(2099, 1, 1 + day, hour, tzinfo=UTC),
        )
        cursor = result.cursor
        for each in (report, plain):
            if result.get_num_requested(each.key):
                requested[each.key.path[-1]].append((day, hour))

    # What was due before the migration was applied is made then.
    assert requested == {"report": [(2, 3), (2, 6), (3, 6)], "plain": [(2, 3)]}
