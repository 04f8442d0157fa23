"""Migrations as assets: run by Dagster, with the same guarantees as on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from dagster import (
    AssetCheckSeverity,
    AssetKey,
    AssetsDefinition,
    DagsterInstance,
    MaterializeResult,
    RetryPolicy,
    build_asset_context,
    load_assets_from_modules,
)

from delembic import ConfigurationError, commands
from delembic_dagster import DelembicProject, build_delembic_assets
from delembic_dagster.assets import Mode
from support.dagster_location import INSERT, Location, key
from support.projects import ProjectFolder

ONCE = """
if not os.path.exists({flag!r}):
    open({flag!r}, "w").close()
    raise ValueError("not yet")
"""


def test_the_job_runs_a_diamond_in_the_order_of_depends_on(location: Location) -> None:
    location.inserting("D001", "D9", "D10")
    location.inserting("D10", "D7")
    location.inserting("D9", "D7")
    location.inserting("D7")

    ran = location.run()

    assert ran.success
    assert location.inserted()[0] == "D7"
    assert sorted(location.inserted()[1:3]) == ["D10", "D9"]
    assert location.inserted()[3:] == ["D001"]
    assert set(location.folder.states().values()) == {"applied"}


def test_the_log_entry_and_the_materialization_refer_to_each_other(
    location: Location,
) -> None:
    location.folder.migration("D001", "conn.exec_driver_sql(\"INSERT INTO t VALUES ('a'), ('b')\")")

    ran = location.run()

    (row,) = location.folder.attempts()
    assert (row.status, row.executor, row.executor_run_id) == ("success", "dagster", ran.run_id)
    metadata = ran.materialized()["D001"]
    applied_at, seconds = metadata.pop("applied_at"), metadata.pop("duration_seconds")
    assert metadata == {
        "revision": "D001",
        "status": "applied",
        "attempt": 1,
        "executor": "dagster",
        "history_id": row.id,
        "rows_affected": 2,
    }
    assert 0 < seconds < 30
    assert row.started_at is not None
    assert applied_at > 0


def test_what_the_command_line_applied_is_already_applied_in_dagster(location: Location) -> None:
    location.inserting("D001")
    location.inserting("D002", "D001")
    location.folder.upgrade("D001")
    (before,) = location.folder.attempts()

    ran = location.run()

    metadata = ran.materialized()["D001"]
    assert metadata["status"] == "already_applied"
    assert metadata["history_id"] == before.id
    assert "(python)" in metadata["applied_by"]
    assert metadata["applied_at"] > 0
    assert ran.materialized()["D002"]["status"] == "applied"
    assert location.inserted() == ["D001", "D002"]
    assert [row.revision for row in location.folder.attempts()] == ["D001", "D002"]


def test_what_dagster_applied_is_already_applied_on_the_command_line(location: Location) -> None:
    location.inserting("D001")
    location.run()

    assert location.folder.upgrade() == ()
    assert location.run().materialized()["D001"]["status"] == "already_applied"
    assert location.inserted() == ["D001"]
    assert len(location.folder.attempts()) == 1


def test_every_materialization_carries_the_checksum_as_its_data_version(
    location: Location,
) -> None:
    location.inserting("D001")

    for _ in range(2):
        location.run()
        event = location.instance.get_latest_materialization_event(key("D001"))
        assert event
        materialization = event.asset_materialization
        assert materialization
        assert materialization.tags
        checksum = location.folder.checksum("D001")
        assert materialization.tags["dagster/data_version"] == checksum
        assert materialization.tags["dagster/code_version"] == checksum


def test_other_line_ends_leave_the_versions_of_an_asset_as_they_are(
    sqlite_location: Location,
) -> None:
    location = sqlite_location
    location.inserting("D001")
    location.folder.upgrade()
    path = location.folder.versions / "D001.py"
    content = path.read_bytes()
    now = location.folder.checksum("D001")
    path.write_bytes(content.replace(b"\n", b"\r\n"))
    of_bytes = location.folder.checksum("D001")  # as earlier versions recorded it
    location.folder.execute(f"UPDATE delembic_version SET checksum = '{of_bytes}'")

    for stored in (path.read_bytes(), content):
        path.write_bytes(stored)
        ran = location.run()

        assert "changed" not in ran.materialized()["D001"]
        event = location.instance.get_latest_materialization_event(key("D001"))
        assert event
        assert event.asset_materialization
        tags = event.asset_materialization.tags or {}
        assert (tags["dagster/data_version"], tags["dagster/code_version"]) == (now, now)


def test_an_accepted_file_gives_its_asset_the_new_versions(location: Location) -> None:
    location.inserting("D001", validate="pass")
    location.folder.upgrade()
    location.inserting("D001", validate="pass", head="# reformatted")
    commands.accept(location.folder.config, ["D001"])

    ran = location.run()

    assert "changed" not in ran.materialized()["D001"]
    event = location.instance.get_latest_materialization_event(key("D001"))
    assert event
    assert event.asset_materialization
    tags, now = event.asset_materialization.tags or {}, location.folder.checksum("D001")
    assert (tags["dagster/data_version"], tags["dagster/code_version"]) == (now, now)
    assert location.inserted() == ["D001"]


def test_a_failure_blocks_its_descendants_and_nothing_else(location: Location) -> None:
    location.inserting("D001")
    location.folder.migration(
        "D002", "conn.exec_driver_sql(\"INSERT INTO t VALUES ('x')\"); 1/0", depends_on=("D001",)
    )
    location.inserting("D003", "D001")
    location.inserting("D004", "D002")
    location.inserting("D005", "D004")

    ran = location.run()

    assert not ran.success
    assert ran.failed() == {"D002"}
    assert ran.started() == ["D001", "D002", "D003"]
    assert location.inserted() == ["D001", "D003"]
    assert set(ran.materialized()) == {"D001", "D003"}
    failure = ran.failure("D002")
    assert "ZeroDivisionError" in failure.description
    (row,) = location.folder.attempts("D002")
    assert row.status == "failed"
    assert failure.metadata["history_id"] == row.id
    assert failure.metadata["status"] == "failed"
    assert failure.metadata["attempt"] == 1
    assert failure.metadata["phase"] == "upgrade"
    assert failure.metadata["rolled_back"] is True
    assert "D002.py" in failure.metadata["traceback"]


def test_a_failed_validate_fails_its_check_and_materializes_nothing(location: Location) -> None:
    location.inserting("D001", validate="assert False, 'no such row'")
    location.inserting("D002", "D001")

    ran = location.run()

    assert ran.checks() == [("D001", False)]
    assert ran.started() == ["D001"]
    assert ran.materialized() == {}
    assert location.instance.get_latest_materialization_event(key("D001")) is None
    assert location.inserted() == []
    assert location.folder.statuses() == ["failed"]
    assert "no such row" in ran.failure("D001").description
    assert ran.failure("D001").metadata["phase"] == "validate"


def test_a_passed_validate_passes_its_check_then_and_later(location: Location) -> None:
    location.inserting("D001", validate=INSERT.format("validated"))
    location.inserting("D002")

    assert location.run().checks() == [("D001", True)]
    later = location.run()

    assert later.checks() == [("D001", True)]
    evaluation, _ = later.result.get_asset_check_evaluations()
    assert "nothing was run this time" in str(evaluation.description)
    assert location.inserted().count("validated") == 1


def test_a_step_that_is_run_too_early_is_blocked(location: Location) -> None:
    """The Dask executor has been seen to run the descendants of a failed step."""
    location.folder.migration("D001", "1/0")
    location.inserting("D002", "D001")
    location.run()

    ran = location.run("D002", retry_policy=RetryPolicy(max_retries=3))

    assert ran.started() == ["D002"]
    failure = ran.failure("D002")
    assert "it depends on D001, which is not applied yet" in failure.description
    assert failure.metadata["status"] == "blocked"
    assert failure.metadata["waits_for"] == "D001"
    (row,) = location.folder.attempts("D002")  # only one, because no retry can help
    assert (row.status, row.executor, row.executor_run_id) == ("blocked", "dagster", ran.run_id)
    assert failure.metadata["history_id"] == row.id
    assert location.inserted() == []


def test_a_retry_policy_retries_a_failed_migration_and_counts_the_attempts(
    location: Location,
) -> None:
    flag = str(location.folder.root / "flag")
    location.folder.migration("D001", ONCE.format(flag=flag))

    ran = location.run(retry_policy=RetryPolicy(max_retries=2))

    assert ran.success
    assert ran.materialized()["D001"]["attempt"] == 2
    rows = location.folder.attempts()
    assert [(row.status, row.attempt) for row in rows] == [("failed", 1), ("success", 2)]
    assert {row.executor_run_id for row in rows} == {ran.run_id}


def test_a_validate_that_passes_at_the_second_attempt_passes_its_check(
    sqlite_location: Location,
) -> None:
    flag = str(sqlite_location.folder.root / "flag")
    sqlite_location.inserting("D001", validate=ONCE.format(flag=flag))

    ran = sqlite_location.run(retry_policy=RetryPolicy(max_retries=1))

    assert ran.success
    assert ran.checks() == [("D001", False), ("D001", True)]
    assert sqlite_location.inserted() == ["D001"]


def test_a_file_that_changed_after_loading_is_neither_run_nor_retried(
    sqlite_location: Location,
) -> None:
    sqlite_location.inserting("D001")
    definitions = sqlite_location.definitions(retry_policy=RetryPolicy(max_retries=2))
    sqlite_location.inserting("D001", head="# changed")

    ran = sqlite_location.run_definitions(definitions)

    assert "reload the code location" in ran.failure("D001").description
    assert ran.failure("D001").metadata["status"] == "not_run"
    assert sqlite_location.inserted() == []
    assert len([e for e in ran.result.all_events if "RETRY" in e.event_type_value]) == 0


def test_an_interrupted_step_is_rolled_back_and_recorded(sqlite_location: Location) -> None:
    sqlite_location.folder.migration(
        "D001", "conn.exec_driver_sql(\"INSERT INTO t VALUES ('x')\"); raise KeyboardInterrupt"
    )

    ran = sqlite_location.run()

    assert not ran.success
    assert ran.materialized() == {}
    assert sqlite_location.inserted() == []
    assert sqlite_location.folder.statuses() == ["interrupted"]


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_after_an_interruption_nothing_runs_whatever_the_retry_policy_says(
    sqlite_location: Location, mode: Mode
) -> None:
    sqlite_location.folder.migration("D001", "raise KeyboardInterrupt")
    sqlite_location.inserting("D002")
    sqlite_location.inserting("D003", "D001")

    ran = sqlite_location.run(mode=mode, retry_policy=RetryPolicy(max_retries=2))

    assert not ran.success
    assert ran.materialized() == {}
    assert sqlite_location.inserted() == []
    assert sqlite_location.folder.statuses() == ["interrupted"]
    said = ran.failure("D001").description.splitlines()
    assert "The run was interrupted, so D001 was not run." in said

    sqlite_location.folder.migration("D001", "return")
    assert sqlite_location.run(mode=mode).success


def test_each_asset_waits_for_what_its_migration_depends_on(files: ProjectFolder) -> None:
    files.migration("D001")
    files.migration("D002", depends_on=("D001", "S001"))

    (_, second) = build_delembic_assets(DelembicProject(files.root))

    assert second.asset_deps[key("D002")] == {key("D001"), AssetKey(["alembic", "S001"])}


def test_pool_and_op_tags_reach_the_op(files: ProjectFolder) -> None:
    files.migration("D001")
    project = DelembicProject(files.root)

    (asset,) = build_delembic_assets(project, pool="database", op_tags={"size": "small"})

    assert asset.op.pool == "database"
    assert asset.op.tags["size"] == "small"


def test_names_that_differ_only_in_special_characters_are_different_assets(
    sqlite_location: Location,
) -> None:
    revisions = ["a-b", "a_b", "a|b", "a.b", "ä/b", "A_b", "class", "x" * 200]
    for revision in revisions:
        sqlite_location.folder.write(
            f"delembic/versions/f{revision.encode().hex()[:50]}.py",
            f"""
            from delembic import DataMigration
            class Migration(DataMigration):
                revision = {revision!r}
                depends_on = []
                description = ""
                def upgrade(self, conn): return
                def validate(self, conn): pass
            """,
        )

    assets = build_delembic_assets(sqlite_location.project)
    ran = sqlite_location.run()

    assert len({asset.op.name for asset in assets}) == len(revisions)
    assert {key("a-b"), key("a_b"), key("a.b")} < {asset.key for asset in assets}
    assert ran.success
    assert {m["revision"] for m in ran.materialized().values()} == set(revisions)
    assert [passed for _, passed in ran.checks()] == [True] * len(revisions)


def test_an_unknown_mode_is_rejected(files: ProjectFolder) -> None:
    project = DelembicProject(files.root)

    with pytest.raises(ConfigurationError, match="no mode 'other'"):
        build_delembic_assets(project, mode=cast(Any, "other"))


def test_assets_can_be_built_for_selected_migrations(sqlite_location: Location) -> None:
    sqlite_location.inserting("D001")
    sqlite_location.inserting("D002", "D001")
    sqlite_location.inserting("D003", "D002")
    sqlite_location.folder.upgrade("D001")

    ran = sqlite_location.run(select="D002")

    assert set(ran.materialized()) == {"D002"}
    assert sqlite_location.inserted() == ["D001", "D002"]


def test_the_steps_of_a_process_share_their_connections_and_close_them(
    tmp_path: Path, postgresql_url: str, instance: DagsterInstance
) -> None:
    location = Location(ProjectFolder(tmp_path / "project", postgresql_url), instance)
    location.folder.execute("CREATE TABLE t (name VARCHAR(20))")
    others = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    pid = (
        "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE locktype = 'advisory' AND datname = current_database()"
    )
    for revision, after in (("D001", ()), ("D002", ("D001",))):
        location.folder.migration(
            revision, f'conn.exec_driver_sql("INSERT INTO t {pid}")', depends_on=after
        )

    assert location.run().success

    first, second = location.inserted()
    assert first == second  # the session that holds the lock
    assert location.folder.value(others) == 0


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_keys_may_get_a_prefix_after_the_assets_were_built(
    sqlite_location: Location, mode: Mode
) -> None:
    sqlite_location.inserting("D001", validate="pass")
    sqlite_location.inserting("D002", "D001")
    module = ModuleType("shop")
    module.migrations = build_delembic_assets(  # type: ignore[attr-defined]
        sqlite_location.project, mode=mode
    )
    assets = load_assets_from_modules([module], key_prefix="shop")

    ran = sqlite_location.run_assets(cast(list[AssetsDefinition], assets))

    assert ran.success
    assert ran.checks() == [("D001", True)]
    for revision in ("D001", "D002"):
        shown = AssetKey(["shop", "delembic", revision])
        assert sqlite_location.instance.get_latest_materialization_event(shown)


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
@pytest.mark.parametrize("first", ["dagster", "command line"])
def test_a_run_that_finds_all_applied_keeps_the_facts_of_what_applied_it(
    sqlite_location: Location, mode: Mode, first: str
) -> None:
    location = sqlite_location
    location.folder.migration("D001", "1/0")
    location.run("D001", mode=mode)
    location.inserting("D001", validate="pass")
    if first == "dagster":
        location.run("D001", mode=mode)
    else:
        location.folder.upgrade()
    entry = location.folder.attempts("D001")[-1]

    ran = location.run("D001", mode=mode)

    told = ran.materialized()["D001"]
    assert told["status"] == "already_applied"
    assert (told["attempt"], told["rows_affected"]) == (2, 1)
    assert told["duration_seconds"] == round(entry.duration_seconds, 3)
    assert told["history_id"] == entry.id
    checks = {each.check_name: each for each in ran.result.get_asset_check_evaluations()}
    assert "delembic/duration_seconds" not in checks["validate"].metadata


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_an_asset_can_be_called_like_a_function(sqlite_location: Location, mode: Mode) -> None:
    sqlite_location.inserting("D001", validate="pass")
    (asset,) = build_delembic_assets(sqlite_location.project, mode=mode)

    (result,) = cast(Iterator[MaterializeResult[None]], asset(build_asset_context()))

    assert result.asset_key == key("D001")
    assert [check.passed for check in result.check_results or ()] == [True]
    assert sqlite_location.inserted() == ["D001"]


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_the_page_of_an_asset_shows_why_its_migration_failed(
    sqlite_location: Location, mode: Mode
) -> None:
    sqlite_location.folder.migration("D001", "raise ValueError('no rows')")
    sqlite_location.inserting("D002", "D001")

    ran = sqlite_location.run(mode=mode)

    records = sqlite_location.instance.fetch_observations(key("D001"), limit=5).records
    (shown,) = (record.asset_observation for record in records)
    assert shown
    assert "ValueError: no rows" in str(shown.description)
    assert shown.metadata["delembic/status"].value == "failed"
    assert shown.metadata["delembic/history_id"].value == 1
    assert ran.materialized() == {}


@pytest.mark.parametrize("mode", ["per_migration", "single_step"])
def test_the_check_of_a_migration_that_failed_before_it_warns_that_it_was_not_evaluated(
    sqlite_location: Location, mode: Mode
) -> None:
    sqlite_location.folder.migration("D001", "raise ValueError('no rows')", validate="return")

    ran = sqlite_location.run(mode=mode)

    (told,) = ran.result.get_asset_check_evaluations()
    assert (told.check_name, told.passed) == ("validate", False)
    assert told.severity == AssetCheckSeverity.WARN
    assert str(told.description).startswith(
        "It was not evaluated. D001 failed in upgrade: ValueError: no rows"
    )
    assert told.metadata["delembic/history_id"].value == 1


def test_the_check_of_a_blocked_migration_warns_that_it_was_not_evaluated(
    sqlite_location: Location,
) -> None:
    sqlite_location.folder.migration("D001", "1/0")
    sqlite_location.inserting("D002", "D001", validate="return")

    ran = sqlite_location.run("D002")

    told = ran.result.get_asset_check_evaluations()
    # The run of a single asset plans all of its checks.
    assert sorted(each.check_name for each in told) == ["validate", "validate_again"]
    for each in told:
        assert (each.passed, each.severity) == (False, AssetCheckSeverity.WARN)
        assert "it depends on D001" in str(each.description)
