"""Every error that delembic raises on purpose, in one hierarchy.

An error takes facts and composes its own message. It also carries a remedy, and the exit code for
the command line. Nothing here imports other parts of delembic, so every module can raise them.
"""

from delembic.errors.configuration import (
    ConfigFileNotFoundError,
    ConfigSectionNotFoundError,
    ConfigurationError,
    DatabaseUnavailableError,
    DependencyNotInstalledError,
    EntryNotKeptError,
    FileExistsAlreadyError,
    NewerDatabaseError,
    SettingError,
    UnfitDatabaseError,
    UnfitTableError,
)
from delembic.errors.definition import (
    DefinitionError,
    DependencyCycleError,
    DuplicateRevisionError,
    MigrationFileError,
    UnknownDependencyError,
    UnknownRevisionError,
)
from delembic.errors.root import (
    DelembicError,
    did_you_mean,
    render_path,
)
from delembic.errors.running import (
    CommitInDoubtError,
    ConnectionClosedError,
    DatabaseFailedError,
    DataDriftedError,
    IgnoredStatementError,
    LockLostError,
    LockTimeoutError,
    MarkRefusedError,
    MigrationBlockedError,
    MigrationFailedError,
    NotVerifiableError,
    SchemaNotReadyError,
    SwallowedErrorError,
    VerificationCutOffError,
    WorkLostError,
)

__all__ = [
    "CommitInDoubtError",
    "ConfigFileNotFoundError",
    "ConfigSectionNotFoundError",
    "ConfigurationError",
    "ConnectionClosedError",
    "DataDriftedError",
    "DatabaseFailedError",
    "DatabaseUnavailableError",
    "DefinitionError",
    "DelembicError",
    "DependencyCycleError",
    "DependencyNotInstalledError",
    "DuplicateRevisionError",
    "EntryNotKeptError",
    "FileExistsAlreadyError",
    "IgnoredStatementError",
    "LockLostError",
    "LockTimeoutError",
    "MarkRefusedError",
    "MigrationBlockedError",
    "MigrationFailedError",
    "MigrationFileError",
    "NewerDatabaseError",
    "NotVerifiableError",
    "SchemaNotReadyError",
    "SettingError",
    "SwallowedErrorError",
    "UnfitDatabaseError",
    "UnfitTableError",
    "UnknownDependencyError",
    "UnknownRevisionError",
    "VerificationCutOffError",
    "WorkLostError",
    "did_you_mean",
    "render_path",
]
