"""What the database has not applied yet, of the migrations that the definitions know."""

from __future__ import annotations

from dataclasses import dataclass

from delembic import Standing, State, commands
from delembic_dagster.translation.migrations import Migrations


@dataclass(frozen=True, slots=True)
class Pending:
    """What is to be run.

    Attributes:
        standings: Those that are not applied, in execution order. Also what is running: its runner
            may have died, and if it lives, our run waits for it.
        unknown: Revisions that have a file by now, and that the definitions do not know yet.
    """

    standings: tuple[Standing, ...]
    unknown: tuple[str, ...]

    @property
    def revisions(self) -> list[str]:
        """The ids of what is not applied, in execution order."""
        return [standing.revision for standing in self.standings]

    @property
    def reload(self) -> str | None:
        """What to do about definitions that are older than the files, if they are."""
        if not self.unknown:
            return None
        return f"Reload the code location: it does not know {', '.join(self.unknown)} yet."


def find_pending(migrations: Migrations) -> Pending:
    """Ask the database what is not applied now.

    Args:
        migrations: Those that matter, as they were when the definitions were loaded. Of others
            only those that are new are named.

    Raises:
        DelembicError: The files or the database cannot be read.
    """
    project = migrations.project
    standings = commands.history(project.config)
    return Pending(
        tuple(s for s in standings if s.revision in migrations and s.state != State.APPLIED),
        tuple(s.revision for s in standings if s.has_file and s.revision not in project.graph),
    )
