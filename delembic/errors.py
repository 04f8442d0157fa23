"""Every error that delembic raises on purpose, as one tree.

An error is made from facts, composes its own text, and knows the remedy and the exit code that the
command line ends with. Nothing here imports anything of delembic, so every module may raise them.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

_NEAR = 0.5
"""How alike two names have to be, from 0 to 1: D01 is near to D001."""


class DelembicError(Exception):
    """The root of the tree: catch it to catch whatever delembic has to say.

    Attributes:
        message: What is wrong, in one sentence or a few.
        remedy: What to do about it; empty when the message says it all.
        exit_code: What the command line exits with: 1 a migration failed, is blocked or does not
            pass any more, 2 usage, configuration or definition, 4 a lock was not obtained.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


# --- configuration: the ini, the environment, the database's address ------------------------------


class ConfigurationError(DelembicError):
    """Something about ``delembic.ini``, ``env.py`` or what they point at has to be put right."""

    exit_code = 2


class ConfigFileNotFoundError(ConfigurationError):
    """No ``delembic.ini`` where it was looked for."""

    def __init__(self, searched: Path, *, named: bool) -> None:
        if named:
            super().__init__(
                f"{shown(searched)} does not exist.",
                "Correct the path (on the command line -c/--config or DELEMBIC_CONFIG), or begin a"
                " project with 'delembic init'.",
            )
        else:
            super().__init__(
                f"No delembic.ini in {searched} or above.",
                "Run 'delembic init' to begin a project, or name the file with -c/--config"
                " or DELEMBIC_CONFIG.",
            )
        self.searched = searched


class ConfigSectionNotFoundError(ConfigurationError):
    """The ini has no section of that name."""

    def __init__(self, path: Path, section: str, sections: Sequence[str]) -> None:
        has = ", ".join(f"[{name}]" for name in sections) or "no section at all"
        super().__init__(
            f"{shown(path)} has no section [{section}]; it has {has}.",
            "Add the section, or choose another (on the command line with -n/--name).",
        )
        self.path, self.section = path, section


class SettingError(ConfigurationError):
    """One setting of the ini is missing or cannot be used."""

    def __init__(self, path: Path, section: str, key: str, problem: str, remedy: str = "") -> None:
        super().__init__(f"{shown(path)}, [{section}] {key}: {problem}", remedy)
        self.path, self.section, self.key = path, section, key


class DependencyNotInstalledError(ConfigurationError):
    """A package that only some users need is not installed."""

    def __init__(
        self, purpose: str, package: str, extra: str | None = None, instead: str | None = None
    ) -> None:
        install = f"'delembic[{extra}]'" if extra else package
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed.",
            f"Install it: pip install {install}" + (f"\n{instead}" if instead else ""),
        )
        self.package = package


class DatabaseUnavailableError(ConfigurationError):
    """The database cannot be connected to.

    Args:
        url: The database's URL, with its password already masked.
        reason: What the driver said.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"Cannot connect to {url}: {reason}",
            "Check the path in the URL, and that its folder exists and may be written to."
            if url.startswith("sqlite")
            else "Check that the server runs, and the address, name and password in the URL.",
        )
        self.url = url


class UnfitDatabaseError(ConfigurationError):
    """SQLAlchemy's dialect for the database cannot do what delembic needs; nothing was written.

    Args:
        dialect: What SQLAlchemy calls the kind of database.
        reason: What the dialect said.
    """

    def __init__(self, dialect: str, reason: str) -> None:
        super().__init__(
            f"delembic cannot work on {dialect}: its dialect for SQLAlchemy does not offer the"
            f" isolation level AUTOCOMMIT, which the audit log and the lock need ({reason}).",
            "See if a newer version of the dialect's package offers it.",
        )
        self.dialect = dialect


class NewerDatabaseError(ConfigurationError):
    """A newer version of delembic has written the database; nothing was read or written."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        super().__init__(
            f"The table {table} has columns that this version of delembic does not know:"
            f" {', '.join(columns)}. A newer version has added them.",
            "Upgrade delembic: pip install --upgrade delembic",
        )
        self.table, self.columns = table, tuple(columns)


class FileExistsAlreadyError(ConfigurationError):
    """A file that was to be made is there already; nothing was overwritten."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{shown(path)} exists already; nothing was written.",
            "Choose another folder, or remove it first if you mean to start anew.",
        )
        self.path = path


# --- definition: what the migration files say ----------------------------------------------------


class DefinitionError(DelembicError):
    """A migration file, or what several of them say together, is wrong. Nothing has run."""

    exit_code = 2


class MigrationFileError(DefinitionError):
    """One migration file cannot be read, imported or used.

    Args:
        path: The file.
        problem: What is wrong with it.
        remedy: What to do.
        line: Where in the file, from 1; ``None`` when it is about the file as a whole.
    """

    def __init__(self, path: Path, problem: str, remedy: str = "", line: int | None = None) -> None:
        super().__init__(f"{shown(path)}{f':{line}' if line else ''}: {problem}", remedy)
        self.path, self.line = path, line


class DuplicateRevisionError(DefinitionError):
    """Two migrations carry the same revision."""

    def __init__(self, revision: str, first: str, second: str) -> None:
        super().__init__(
            f"Revision {revision} is defined twice: in {first} and in {second}.",
            "Give one of them another revision; one that is applied already has to keep its own.",
        )
        self.revision = revision


class DependencyCycleError(DefinitionError):
    """Migrations wait for each other in a circle.

    Args:
        cycle: Their revisions, each before one that it depends on; the first is the last, too.
        places: Where these are defined.
    """

    def __init__(self, cycle: Sequence[str], places: Sequence[str]) -> None:
        itself = f"{cycle[0]} depends on itself."
        circle = f"The migrations depend on each other in a circle: {' -> '.join(cycle)}."
        super().__init__(
            itself if len(places) == 1 else circle,
            f"Remove one of these from a depends_on. They are defined in {', '.join(places)}."
            if len(places) > 1
            else f"Correct its depends_on, in {places[0]}.",
        )
        self.cycle = tuple(cycle)


class UnknownDependencyError(DefinitionError):
    """``depends_on`` names something that is neither a migration nor an Alembic revision."""

    def __init__(
        self, name: str, needed_by: str, path: Path, known: Sequence[str], *, alembic: bool
    ) -> None:
        neither = "neither a revision of delembic nor of Alembic" if alembic else "no revision"
        super().__init__(
            f"{shown(path)}: {needed_by} depends on {name!r}, which is {neither}."
            + did_you_mean(name, known),
            "Correct depends_on."
            if alembic
            else "Correct depends_on, or set alembic_config if it is an Alembic revision.",
        )
        self.name, self.needed_by = name, needed_by


class UnknownRevisionError(DefinitionError):
    """The target of a command is no revision.

    Args:
        target: What was asked for.
        known: The names that would do, ``head`` among them where it is one.
    """

    def __init__(self, target: str, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no revision {target!r}.{did_you_mean(target, known)}",
            "'delembic history' lists the revisions"
            + ("; 'head' stands for all of them." if "head" in known else "."),
        )
        self.target = target


# --- a run ---------------------------------------------------------------------------------------


class MigrationFailedError(DelembicError):
    """A migration raised; its work has been rolled back, and the attempt is on record.

    Attributes:
        revision: Which one.
        phase: ``upgrade``, ``validate`` or ``commit``: where it went wrong.
        reason: The error's type and text, on one or a few lines.
        history_id: The attempt's row in ``delembic_run_history``, once it has one.
    """

    def __init__(self, revision: str, phase: str, reason: str) -> None:
        super().__init__(
            f"{revision} failed in {phase}: {reason}",
            "Its work was rolled back and the attempt recorded. Correct the migration or the data,"
            " then run the upgrade again.",
        )
        self.revision, self.phase, self.reason = revision, phase, reason
        self.history_id: int | None = None


class MigrationBlockedError(DelembicError):
    """A migration waits for others that are not applied; it was not run."""

    def __init__(self, revision: str, waits_for: Sequence[str]) -> None:
        names = ", ".join(waits_for)
        super().__init__(
            f"{revision} was not run: it depends on {names}, not applied yet.",
            f"Apply {names} first, or run 'delembic upgrade {revision}', which does both.",
        )
        self.revision, self.waits_for = revision, tuple(waits_for)
        self.history_id: int | None = None


class NotVerifiableError(DelembicError):
    """Revisions were named of which there is nothing to verify. Nothing was run.

    Args:
        obstacles: Why not, by revision: ``it is not applied``, for instance.
    """

    exit_code = 2

    def __init__(self, obstacles: Mapping[str, str]) -> None:
        lines = [f"  {revision}: {obstacle}" for revision, obstacle in obstacles.items()]
        super().__init__(
            "\n".join(["Nothing was run, as some of these cannot be verified:", *lines]),
            "Leave them out. Without any revision, all that can be verified is.",
        )
        self.obstacles = dict(obstacles)


class VerificationCutOffError(DelembicError):
    """The database was lost while the data was looked at; that says nothing about the data."""

    exit_code = 2

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(
            f"{revision} could not be verified to its end: {reason}",
            "Nothing was changed. Verify again when the database answers.",
        )
        self.revision = revision


class DataDriftedError(DelembicError):
    """The data is no longer what applied migrations expect of it. They stay applied.

    Args:
        revisions: Those whose ``validate`` raised.
        verified: How many were verified.
    """

    def __init__(self, revisions: Sequence[str], verified: int) -> None:
        super().__init__(
            f"{len(revisions)} of {verified} did not pass: the data is no longer what"
            f" {', '.join(revisions)} expect{'s' if len(revisions) == 1 else ''} of it.",
            f"Nothing was changed. Correct the data, with a new migration for instance, and verify"
            f" again. See it whole: delembic show {revisions[0]}",
        )
        self.revisions = tuple(revisions)


class SchemaNotReadyError(DelembicError):
    """The plan needs Alembic revisions that the database does not have. Nothing has run."""

    def __init__(self, missing: Mapping[str, Sequence[str]], alembic_config: Path) -> None:
        lines = [f"  {name}, needed by {', '.join(users)}" for name, users in missing.items()]
        target = next(iter(missing)) if len(missing) == 1 else "heads"
        super().__init__(
            "\n".join(["Nothing was run: Alembic revisions are not applied:", *lines]),
            f"Run: alembic -c {shown(alembic_config)} upgrade {target}",
        )
        self.missing = missing


class DatabaseFailedError(DelembicError):
    """A statement of delembic's own failed, or the connection broke in the middle of it.

    Args:
        reason: What the driver said.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database failed: {reason}",
            "If that passes, run the upgrade again: it settles what was left unfinished.",
        )


class ConnectionClosedError(DelembicError):
    """A migration closed the connection that it was given; the work on it is lost."""

    def __init__(self) -> None:
        super().__init__("The connection is closed; leave that to delembic.")


class LockTimeoutError(DelembicError):
    """Another runner held the lock for longer than we were told to wait."""

    exit_code = 4

    def __init__(self, revision: str, holder: str, timeout_seconds: float) -> None:
        super().__init__(
            f"The lock of {revision} is held by {holder}; gave up after waiting"
            f" {timeout_seconds:g} s.",
            "Wait for it to end and run the upgrade again, or wait longer, with lock_timeout in the"
            " ini or --lock-timeout.",
        )
        self.revision, self.holder = revision, holder


class LockLostError(DelembicError):
    """Another runner took over the lock while the migration ran; its work was rolled back."""

    exit_code = 4

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"{revision} was rolled back: its lease ran out while it was not renewed, and another"
            " runner has taken over.",
            "See what became of it with 'delembic history'. If this happens again, give it more"
            " time with lock_lease in the ini.",
        )
        self.revision = revision


def shown(path: Path) -> str:
    """Return a path as people want to read it: relative to the working folder if it is below."""
    try:
        here = Path.cwd()
    except OSError:  # it has been removed
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return `` Did you mean 'X'?`` for the known name nearest to ``name``, or nothing.

    Example:
        >>> did_you_mean("D01", ["D001", "D002"])
        " Did you mean 'D001'?"
        >>> did_you_mean("zebra", ["D001"])
        ''
    """
    near = get_close_matches(name, known, n=1, cutoff=_NEAR)
    return f" Did you mean {near[0]!r}?" if near else ""
