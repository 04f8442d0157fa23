"""Tests data migrations in a few lines: runs them, runs them twice, makes them fail, kills them.

Each test uses its own fresh database, never the one in ``delembic.ini``. A check that fails raises
an `AssertionError` with the facts. Any test framework works; for pytest, there are fixtures in
`delembic.testing.fixtures`.

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
