"""Errors of configuration: the ini file, the environment, the database URL."""

from collections.abc import Sequence
from pathlib import Path

from delembic.errors.root import DelembicError, render_path


class ConfigurationError(DelembicError):
    """There is a mistake in ``delembic.ini``, in ``env.py``, or in what they refer to."""

    exit_code = 2


class ConfigFileNotFoundError(ConfigurationError):
    """There is no ``delembic.ini`` where it was expected."""

    def __init__(self, searched: Path, *, named: bool) -> None:
        if named:
            super().__init__(
                f"{render_path(searched)} does not exist.",
                "Correct the path (on the command line: -c/--config or DELEMBIC_CONFIG), or start a"
                " project with 'delembic init'.",
            )
        else:
            super().__init__(
                f"There is no delembic.ini in {searched} or in a folder above it.",
                "Run 'delembic init' to start a project, or name the file with -c/--config"
                " or DELEMBIC_CONFIG.",
            )
        self.searched = searched


class ConfigSectionNotFoundError(ConfigurationError):
    """The ini file has no section of that name."""

    def __init__(self, path: Path, section: str, sections: Sequence[str]) -> None:
        has = ", ".join(f"[{name}]" for name in sections) or "no section at all"
        super().__init__(
            f"{render_path(path)} has no section [{section}]; it has {has}.",
            "Add the section, or choose another (on the command line with -n/--name).",
        )
        self.path, self.section = path, section


class SettingError(ConfigurationError):
    """A setting in the ini file is missing or invalid."""

    def __init__(self, path: Path, section: str, key: str, problem: str, remedy: str = "") -> None:
        super().__init__(f"{render_path(path)}, [{section}] {key}: {problem}", remedy)
        self.path, self.section, self.key = path, section, key


class DependencyNotInstalledError(ConfigurationError, ImportError):
    """A package that only some users need is not installed.

    It is an ``ImportError`` too, for programs that do without such a package.
    """

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
        reason: The driver's message.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"Cannot connect to {url}: {reason}",
            "Check the path in the URL, and check that its folder exists and is writable."
            if url.startswith("sqlite")
            else "Check that the server runs, and check the address, name and password in the URL.",
        )
        self.url = url


class UnfitDatabaseError(ConfigurationError):
    """The database's SQLAlchemy dialect lacks what delembic needs; nothing was written.

    Args:
        dialect: SQLAlchemy's name for the kind of database.
        reason: The dialect's message.
    """

    def __init__(self, dialect: str, reason: str) -> None:
        super().__init__(
            f"delembic does not work with {dialect}: its SQLAlchemy dialect does not offer the"
            f" isolation level AUTOCOMMIT, which the audit log and the lock need ({reason}).",
            "Check whether a newer version of the dialect's package offers it.",
        )
        self.dialect = dialect


class NewerDatabaseError(ConfigurationError):
    """A newer version of delembic changed the tables; nothing was read or written."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        super().__init__(
            f"The table {table} has columns that this version of delembic does not know:"
            f" {', '.join(columns)}. A newer version added them.",
            "Upgrade delembic: pip install --upgrade delembic",
        )
        self.table, self.columns = table, tuple(columns)


_FOR_DBA = (
    "Let a database administrator execute what 'delembic tables --sql' prints: it makes the tables"
    " and grants the rights."
)


class UnfitTableError(ConfigurationError):
    """One of delembic's tables cannot keep the promise, and could not be converted. Nothing ran.

    Args:
        table: The name of the table.
        statement: The statement that converts it.
        reason: Why the database refused that statement.
    """

    def __init__(self, table: str, statement: str, reason: str) -> None:
        super().__init__(
            f"The table {table} was not made by delembic, and it cannot hold the record of a"
            f" migration reliably. Its conversion was refused: {reason}",
            f"Remove what stands in the way, and execute: {statement};",
        )
        self.table, self.statement = table, statement


class TableNotMadeError(ConfigurationError):
    """One of delembic's tables is missing, and this role may not make it. Nothing ran.

    Args:
        table: The name of the table.
        reason: What the database says.
    """

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(
            f"The table {table} is missing, and this role may not make it: {reason}", _FOR_DBA
        )
        self.table = table


class RightMissingError(ConfigurationError):
    """This role may not use one of delembic's tables.

    Args:
        reason: What the database says.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The database refused access: {reason}", _FOR_DBA)


class OtherProjectError(ConfigurationError):
    """What is applied in the database are plainly the migrations of another project. Nothing ran.

    Args:
        revision: A revision that both have.
        theirs: Its description in the database.
        ours: Its description in the file.
        table: The table in which it is marked as applied.
    """

    def __init__(self, revision: str, theirs: str, ours: str, table: str) -> None:
        super().__init__(
            f"The table {table} belongs to another project: there, {revision} is {theirs!r}, and"
            f" here it is {ours!r}. No migration here is one of those that are applied.",
            "Keep the projects apart: set another version_table in this ini, such as"
            f" version_table = {table}_2. If the files of this project were only rewritten, accept"
            f" them: delembic stamp --accept {revision}",
        )
        self.revision, self.theirs, self.ours = revision, theirs, ours


class HiddenRowsError(ConfigurationError):
    """Row-level security hides rows of one of delembic's tables from its role. Nothing ran.

    Args:
        table: The name of the table.
    """

    def __init__(self, table: str) -> None:
        super().__init__(
            f"Row-level security applies to this role on the table {table}, so delembic may not see"
            " what is applied.",
            f"Execute: ALTER TABLE {table} DISABLE ROW LEVEL SECURITY; or connect as a role that"
            " has BYPASSRLS.",
        )
        self.table = table


class EntryNotKeptError(ConfigurationError):
    """The database accepted a log entry and did not keep it. Nothing was run without a record."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The database accepted a row for {table} and did not keep it.",
            f"Remove the trigger or the rule on {table} that takes the row away.",
        )
        self.table = table


class FileExistsAlreadyError(ConfigurationError):
    """A file that was to be created already exists; nothing was overwritten."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{render_path(path)} already exists; nothing was written.",
            "Choose another folder, or remove it first to start over.",
        )
        self.path = path
