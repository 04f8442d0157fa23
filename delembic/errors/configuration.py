"""Configuration: the ini, the environment, the database's address."""

from collections.abc import Sequence
from pathlib import Path

from delembic.errors.root import DelembicError, render_path


class ConfigurationError(DelembicError):
    """Something about ``delembic.ini``, ``env.py`` or what they point at has to be put right."""

    exit_code = 2


class ConfigFileNotFoundError(ConfigurationError):
    """No ``delembic.ini`` where it was looked for."""

    def __init__(self, searched: Path, *, named: bool) -> None:
        if named:
            super().__init__(
                f"{render_path(searched)} does not exist.",
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
            f"{render_path(path)} has no section [{section}]; it has {has}.",
            "Add the section, or choose another (on the command line with -n/--name).",
        )
        self.path, self.section = path, section


class SettingError(ConfigurationError):
    """One setting of the ini is missing or cannot be used."""

    def __init__(self, path: Path, section: str, key: str, problem: str, remedy: str = "") -> None:
        super().__init__(f"{render_path(path)}, [{section}] {key}: {problem}", remedy)
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
            f"{render_path(path)} exists already; nothing was written.",
            "Choose another folder, or remove it first if you mean to start anew.",
        )
        self.path = path
