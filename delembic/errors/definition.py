"""Errors of definition: what is wrong in the migration files."""

from collections.abc import Sequence
from pathlib import Path

from delembic.errors.root import DelembicError, did_you_mean, render_path


class DefinitionError(DelembicError):
    """A migration file is wrong, or several of them do not fit together. Nothing was run."""

    exit_code = 2


class MigrationFileError(DefinitionError):
    """One migration file cannot be read, imported or used.

    Args:
        path: The file.
        problem: What is wrong with it.
        remedy: What to do.
        line: The line in the file, from 1; ``None`` if the problem concerns the whole file.

    Attributes:
        problem: What is wrong, without the place.
    """

    def __init__(self, path: Path, problem: str, remedy: str = "", line: int | None = None) -> None:
        super().__init__(f"{render_path(path)}{f':{line}' if line else ''}: {problem}", remedy)
        self.path, self.problem, self.line = path, problem, line


class NoMigrationError(MigrationFileError):
    """A migration file defines no migration.

    Args:
        path: The file.
        alembic_style: Whether it is written as Alembic's revisions are.
    """

    def __init__(self, path: Path, *, alembic_style: bool) -> None:
        if alembic_style:
            super().__init__(
                path,
                "contains no DataMigration; it is written like a revision of Alembic.",
                "Put upgrade into a class that derives from DataMigration, as 'delembic revision'"
                " generates it. If it changes the schema, move the file to Alembic's versions.",
            )
        else:
            super().__init__(
                path,
                "contains no DataMigration.",
                "Define one, or start the name of the file or of its folder with _ if it is a"
                " helper.",
            )


class DuplicateRevisionError(DefinitionError):
    """Two migrations have the same revision."""

    def __init__(self, revision: str, first: str, second: str) -> None:
        super().__init__(
            f"Revision {revision} is defined twice: in {first} and in {second}.",
            "Give one of them another revision; one that is already applied must keep its own.",
        )
        self.revision = revision


class DependencyCycleError(DefinitionError):
    """Migrations depend on each other in a cycle.

    Args:
        cycle: Their revisions, each followed by one that it depends on. The last equals the first.
        places: Where the migrations are defined.
    """

    def __init__(self, cycle: Sequence[str], places: Sequence[str]) -> None:
        itself = f"{cycle[0]} depends on itself."
        circle = f"The migrations depend on each other in a cycle: {' -> '.join(cycle)}."
        super().__init__(
            itself if len(places) == 1 else circle,
            f"Remove one of these dependencies. The migrations are defined in {', '.join(places)}."
            if len(places) > 1
            else f"Correct its depends_on in {places[0]}.",
        )
        self.cycle = tuple(cycle)


class UnknownDependencyError(DefinitionError):
    """``depends_on`` names something that is neither a migration nor an Alembic revision.

    Attributes:
        problem: What is wrong, without the place.
    """

    def __init__(
        self, name: str, needed_by: str, path: Path, known: Sequence[str], *, alembic: bool
    ) -> None:
        neither = "neither a delembic nor an Alembic revision" if alembic else "not a revision"
        problem = f"{needed_by} depends on {name!r}, which is {neither}.{did_you_mean(name, known)}"
        super().__init__(
            f"{render_path(path)}: {problem}",
            "Correct depends_on."
            if alembic
            else "Correct depends_on, or set alembic_config if it is an Alembic revision.",
        )
        self.name, self.needed_by, self.problem = name, needed_by, problem


class UnknownRevisionError(DefinitionError):
    """A command was given a revision that does not exist.

    Args:
        target: The name that was given.
        known: The names that are accepted, with ``head`` where it is one of them.
    """

    def __init__(self, target: str, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no revision {target!r}.{did_you_mean(target, known)}",
            "'delembic history' lists the revisions"
            + ("; 'head' stands for all of them." if "head" in known else "."),
        )
        self.target = target
