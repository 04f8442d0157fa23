"""Both databases of a project, opened and disposed of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from delembic.config import Config
from delembic.database.engines import engine_from_env, engine_of
from delembic.database.failures import reporting_failures
from delembic.database.places import placed


@dataclass(frozen=True, slots=True)
class Database:
    """The engines of a project.

    Attributes:
        work: The database of the data and ``delembic_version``.
        metadata: The database of the audit log; the same engine unless ``metadata_url`` is set.
    """

    work: Engine
    metadata: Engine

    @property
    def is_split(self) -> bool:
        """Whether the audit log is in another database than the data."""
        return self.metadata is not self.work


@contextmanager
def open_database(config: Config) -> Iterator[Database]:
    """Make the engines of a project, and dispose of them at the end.

    An engine from ``env.py`` belongs to the user and is not disposed of. No connection is made yet.

    Raises:
        ConfigurationError: There is no usable URL, driver or ``get_engine``.
        DatabaseFailedError: One of delembic's own statements failed in the block.
    """
    url = config.url
    work = engine_of(config, "sqlalchemy.url", url) if url else engine_from_env(config)
    metadata_url = config.metadata_url
    metadata = engine_of(config, "metadata_url", metadata_url) if metadata_url else work
    try:
        with reporting_failures():
            home = placed(work, config)
            yield Database(home, placed(metadata, config, is_work=False) if metadata_url else home)
    finally:
        if metadata_url:
            metadata.dispose()
        if url:
            work.dispose()
