"""The migrations of the definitions that are not applied yet."""

from __future__ import annotations

from dataclasses import dataclass

from delembic import Standing, State, commands
from delembic_dagster.translation.migrations import Migrations


@dataclass(frozen=True, slots=True)
class Pending:
    """The migrations to run.

    Attributes:
        standings: The migrations that are not applied, in execution order. They include running
            ones: the process may have died, and if it is alive, this run waits for it.
        unknown: Revisions that have a file, but that the definitions do not know yet.
    """

    standings: tuple[Standing, ...]
    unknown: tuple[str, ...]

    @property
    def revisions(self) -> list[str]:
        """The revisions that are not applied, in execution order."""
        return [standing.revision for standing in self.standings]

    @property
    def reload(self) -> str | None:
        """The advice to reload the code location if files are newer than the definitions."""
        if not self.unknown:
            return None
        return f"Reload the code location: it does not know {', '.join(self.unknown)} yet."


def find_pending(migrations: Migrations) -> Pending:
    """Return what is not applied, according to the database.

    Args:
        migrations: The selected migrations, as loaded with the definitions. Of all others, only
            those that are new are reported.

    Raises:
        DelembicError: The files or the database cannot be read.
    """
    project = migrations.project
    standings = commands.history(project.config)
    return Pending(
        tuple(s for s in standings if s.revision in migrations and s.state != State.APPLIED),
        tuple(s.revision for s in standings if s.has_file and s.revision not in project.graph),
    )
