"""Every error that delembic raises on purpose, as one tree.

An error is made from facts, composes its own text, and knows the remedy and the exit code that the
command line ends with. Nothing here imports anything of delembic, so every module may raise them.
"""

from delembic.errors.configuration import (
    ConfigFileNotFoundError,
    ConfigSectionNotFoundError,
    ConfigurationError,
    DatabaseUnavailableError,
    DependencyNotInstalledError,
    FileExistsAlreadyError,
    NewerDatabaseError,
    SettingError,
    UnfitDatabaseError,
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
    ConnectionClosedError,
    DatabaseFailedError,
    DataDriftedError,
    IgnoredStatementError,
    LockLostError,
    LockTimeoutError,
    MigrationBlockedError,
    MigrationFailedError,
    NotVerifiableError,
    SchemaNotReadyError,
    SwallowedErrorError,
    VerificationCutOffError,
    WorkLostError,
)

__all__ = [
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
    "FileExistsAlreadyError",
    "IgnoredStatementError",
    "LockLostError",
    "LockTimeoutError",
    "MigrationBlockedError",
    "MigrationFailedError",
    "MigrationFileError",
    "NewerDatabaseError",
    "NotVerifiableError",
    "SchemaNotReadyError",
    "SettingError",
    "SwallowedErrorError",
    "UnfitDatabaseError",
    "UnknownDependencyError",
    "UnknownRevisionError",
    "VerificationCutOffError",
    "WorkLostError",
    "did_you_mean",
    "render_path",
]
