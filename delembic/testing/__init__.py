"""Tests of data migrations in a few lines: run one, run it twice, fail it, kill it.

Each test works on a fresh database of its own, never on the one that ``delembic.ini`` names. A
check that does not hold raises an `AssertionError` with the facts. Any test framework will do; for
pytest there are fixtures in `delembic.testing.fixtures`.

Example:
    >>> from delembic.testing import migration_tester
    >>> with migration_tester("example_project") as tester:
    ...     error = tester.fail("D001", "validate")
    ...     tester.kill("D001", after=2)
    ...     finished = tester.run_twice("D001")
    >>> str(error.phase), finished.rows_affected
    ('validate', 14)
"""

from delembic.testing.content import Change, Content, TableContent
from delembic.testing.faults import DeliberateError, Phase
from delembic.testing.tester import MigrationTester, migration_tester

__all__ = [
    "Change",
    "Content",
    "DeliberateError",
    "MigrationTester",
    "Phase",
    "TableContent",
    "migration_tester",
]
