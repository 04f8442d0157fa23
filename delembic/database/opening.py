"""Both databases of a project, opened and disposed of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from delembic.config import Config
from delembic.database.connections import reporting_failures
from delembic.database.engines import engine_from_env, engine_of


@dataclass(frozen=True, slots=True)
class Database:
    """The two ends that a run works with.

    Attributes:
        work: Where the data and ``delembic_version`` are.
        metadata: Where the audit log is; the very same engine unless ``metadata_url`` is set.
    """

    work: Engine
    metadata: Engine

    @property
    def is_split(self) -> bool:
        """Whether the audit log is kept in another database than the data."""
        return self.metadata is not self.work


@contextmanager
def open_database(config: Config) -> Iterator[Database]:
    """Make the engines of a project, and dispose of those made here at the end.

    An engine from ``env.py`` belongs to the user and is left open. Nothing is connected to yet.

    Raises:
        ConfigurationError: There is no usable URL, driver or ``get_engine``.
        DatabaseFailedError: A statement of delembic's own failed in the block.
    """
    url = config.url
    work = engine_of(config, "sqlalchemy.url", url) if url else engine_from_env(config)
    metadata_url = config.metadata_url
    metadata = engine_of(config, "metadata_url", metadata_url) if metadata_url else work
    try:
        with reporting_failures():
            yield Database(work, metadata)
    finally:
        if metadata_url:
            metadata.dispose()
        if url:
            work.dispose()
