"""The migrations of the example, as its authors would test them."""

from __future__ import annotations

from collections import Counter

import pytest

from delembic.testing import MigrationTester, migration_tester
from support.doctests import EXAMPLE

IN_BATCHES = {
    "D006": "SELECT concept_code, concept_name FROM concept_staging WHERE domain_id = 'Script'",
    "D012": "SELECT concept_id_1, concept_id_2, valid_start_date FROM concept_relationship",
}
"""The migrations in batches, and what they make or change."""

REVISIONS = [revision for number in range(1, 13) if (revision := f"D{number:03}") not in IN_BATCHES]

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
@pytest.mark.parametrize("revision", IN_BATCHES)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_what_works_in_batches_does_each_row_once_whatever_happens(
    request: pytest.FixtureRequest, kind: str, revision: str
) -> None:
    with migration_tester(EXAMPLE) as undisturbed:
        undisturbed.run(revision)
        expected = _names_of_rows(undisturbed, revision)
    tester = MigrationTester(EXAMPLE, request.getfixturevalue(f"{kind}_url"))

    tester.fail(revision)
    tester.kill(revision, batch=2)
    tester.kill(revision, "between", batch=2)
    tester.reconnect(revision)

    assert _names_of_rows(tester, revision) == expected


def _names_of_rows(tester: MigrationTester, revision: str) -> Counter[tuple[str, ...]]:
    """The rows that a migration in batches has made or changed, as text on every database."""
    return Counter(tuple(map(str, row)) for row in tester.rows(IN_BATCHES[revision]))


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
