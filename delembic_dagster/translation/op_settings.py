"""How Dagster executes a migration: the settings of its op, not of its asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import RetryPolicy


@dataclass(frozen=True, slots=True)
class OpSettings:
    """Settings for the op of one migration.

    A migration sets them under ``meta["dagster"]`` of its class, and a translator can set them for
    any migration. Settings that neither sets come from the arguments of `build_delembic_assets`.

    Attributes:
        pool: A pool that limits how many ops run at the same time in Dagster.
        retry_policy: How to retry the op if it failed and a retry can help.
        op_tags: Tags that executors read, such as ``dagster-k8s/config``.

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
        """Return these settings, completed by the general ones where they are not set."""
        return replace(
            general,
            pool=self.pool or general.pool,
            retry_policy=self.retry_policy or general.retry_policy,
            op_tags={**general.op_tags, **self.op_tags},
        )
