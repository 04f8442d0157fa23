"""The migrations of the example, as its authors would test them."""

from __future__ import annotations

import pytest

from delembic.testing import MigrationTester
from support.doctests import EXAMPLE

REVISIONS = [f"D{number:03}" for number in range(1, 13)]

# On the other servers, the first migration of all and the first that goes without Python.
ELSEWHERE = ["D001", "D007"]


@pytest.fixture
def tester(sqlite_url: str) -> MigrationTester:
    return MigrationTester(EXAMPLE, sqlite_url)


@pytest.mark.long
@pytest.mark.parametrize("revision", REVISIONS)
def test_it_takes_effect_once_whatever_happens(tester: MigrationTester, revision: str) -> None:
    tester.fail(revision)
    tester.fail(revision, "validate")
    tester.lose_connection(revision, after=1)
    tester.kill(revision, after=1)

    assert tester.run_twice(revision).rows_affected


@pytest.mark.long
@pytest.mark.parametrize("revision", ELSEWHERE)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_so_it_does_on_other_databases(
    request: pytest.FixtureRequest, kind: str, revision: str
) -> None:
    tester = MigrationTester(EXAMPLE, request.getfixturevalue(f"{kind}_url"))
    tester.lose_connection(revision)
    tester.kill(revision, "validate", after=1)

    assert tester.run_twice(revision).rows_affected


def test_languages_are_loaded_though_a_country_is_wrong(tester: MigrationTester) -> None:
    tester.upgrade_before("D008")
    tester.upgrade_before("D007")
    with tester.connection() as conn:
        conn.exec_driver_sql(
            "UPDATE concept_staging SET concept_name = 'Atlantis' WHERE concept_code = 'DE'"
        )

    error = tester.run_failing("D007")
    tester.run_twice("D008")

    assert error.phase == "validate"
    assert "Atlantis" in error.reason


def test_the_names_that_are_corrected_are_few(tester: MigrationTester) -> None:
    tester.upgrade_before("D010")
    before = tester.snapshot()

    tester.run("D010")

    changes = tester.changes(before)
    assert [*changes] == ["concept"]
    assert len(changes["concept"].added) == len(changes["concept"].removed) < 100
