"""How Dagster executes one migration: what is a property of its op, not of its asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import RetryPolicy


@dataclass(frozen=True, slots=True)
class OpSettings:
    """What applies to the op of one migration.

    A migration sets it for itself, below ``meta["dagster"]`` of its class; a translator for
    whichever it likes; the arguments of `build_delembic_assets` for all that do not set it.

    Attributes:
        pool: Limits how many run at the same time in Dagster.
        retry_policy: What to do when it failed and a retry can help.
        op_tags: Tags such as ``dagster-k8s/config``, which executors look at.

    Example:
        >>> from delembic import DataMigration
        >>> class LoadConcepts(DataMigration):
        ...     revision = "D001"
        ...     meta = {
        ...         "dagster": {
        ...             "pool": "warehouse",
        ...             "retry_policy": {"max_retries": 3, "delay": 10, "backoff": "exponential"},
        ...             "op_tags": {"team": "vocabulary"},
        ...             "kinds": ["csv"],
        ...         }
        ...     }
        >>> OpSettings(pool="warehouse").over(OpSettings(pool="all", op_tags={"a": "b"}))
        OpSettings(pool='warehouse', retry_policy=None, op_tags={'a': 'b'})
    """

    pool: str | None = None
    retry_policy: RetryPolicy | None = None
    op_tags: Mapping[str, Any] = field(default_factory=dict)

    def over(self, general: OpSettings) -> OpSettings:
        """Return these settings, with those that are not set taken from the general ones."""
        return replace(
            general,
            pool=self.pool or general.pool,
            retry_policy=self.retry_policy or general.retry_policy,
            op_tags={**general.op_tags, **self.op_tags},
        )
