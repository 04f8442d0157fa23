"""Projects of any size, and the same graph as bare Dagster assets to compare them with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

_CHAIN = 10
"""The number of migrations in a chain, each dependent on the previous one."""

_MIGRATION = """\
from delembic import DataMigration


class Migration{number}(DataMigration):
    revision = "{revision}"
    depends_on = {depends_on}
    description = "the work of {revision}"

    def upgrade(self, conn):
        conn.exec_driver_sql("SELECT 1")

    def validate(self, conn):
        assert conn.exec_driver_sql("SELECT 1").scalar() == 1
"""


def write_project(root: Path, size: int) -> Path:
    """Write a project on SQLite and return its folder, which becomes ``root``."""
    versions = root / "delembic" / "versions"
    versions.mkdir(parents=True)
    root.joinpath("delembic.ini").write_text(
        "[delembic]\nscript_location = delembic\nsqlalchemy.url = sqlite:///data.sqlite\n".replace(
            "data.sqlite", str(root / "data.sqlite")
        )
    )
    for number in range(size):
        versions.joinpath(f"{_revision(number)}.py").write_text(
            _MIGRATION.format(
                number=number,
                revision=_revision(number),
                depends_on=[_revision(each) for each in _before(number)],
            )
        )
    return root


def bare_definitions(size: int, *, second_check: bool = False) -> dg.Definitions:
    """Return assets that do nothing, each with a check, in the same graph, and their job.

    Args:
        size: The number of assets.
        second_check: Whether each asset has a second check, which a job of its own evaluates.
    """
    assets = [_bare_asset(number) for number in range(size)]
    if not second_check:
        job = dg.define_asset_job("bare", "*", executor_def=dg.in_process_executor)
        return dg.Definitions(assets=assets, jobs=[job])
    second = dg.AssetSelection.checks(checks := _second_checks(size))
    jobs = [
        dg.define_asset_job("bare", dg.AssetSelection.all() - second),
        dg.define_asset_job("second", second),
    ]
    return dg.Definitions(assets=assets, asset_checks=[checks], jobs=jobs)


def _second_checks(size: int) -> dg.AssetChecksDefinition:
    specs = [dg.AssetCheckSpec("second", asset=_key(number)) for number in range(size)]

    @dg.multi_asset_check(specs=specs, can_subset=True)
    def second() -> Iterator[dg.AssetCheckResult]:
        yield from ()

    return second


def _bare_asset(number: int) -> dg.AssetsDefinition:
    key = _key(number)

    @dg.asset(
        key=key,
        deps=[_key(each) for each in _before(number)],
        check_specs=[dg.AssetCheckSpec("validate", asset=key, blocking=True)],
    )
    def bare():  # type: ignore[no-untyped-def]  # Dagster would take an annotation for the output's type
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

    return bare


def _before(number: int) -> Iterator[int]:
    if number % _CHAIN:
        yield number - 1


def _revision(number: int) -> str:
    return f"D{number:04}"


def _key(number: int) -> dg.AssetKey:
    return dg.AssetKey(["delembic", _revision(number)])
