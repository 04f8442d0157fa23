"""How Dagster executes a migration: the settings of its op, not of its asset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import RetryPolicy

from delembic import ConfigurationError, seconds_in


@dataclass(frozen=True, slots=True)
class OpSettings:
    """Settings for the op of one migration.

    A migration sets them under ``meta["dagster"]`` of its class, and a translator can set them for
    any migration. Settings that neither sets come from the arguments of `build_delembic_assets`.

    Attributes:
        pool: A pool that limits how many ops run at the same time in Dagster.
        retry_policy: How to retry the op if it failed and a retry can help.
        op_tags: Tags that executors read, such as ``dagster-k8s/config``.
        stop_after: When a migration in batches stops, so that another run goes on: in seconds, or
            as a text such as ``"2h"`` or ``"90m"``. The step then ends as paused, and a schedule
            goes on at its next tick. No other migration stops before its end.

    Raises:
        ConfigurationError: ``stop_after`` is no length of time.

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
        OpSettings(pool='warehouse', retry_policy=None, op_tags={'a': 'b'}, stop_after=None)
        >>> OpSettings(stop_after="2h").stop_after_seconds
        7200.0
    """

    pool: str | None = None
    retry_policy: RetryPolicy | None = None
    op_tags: Mapping[str, Any] = field(default_factory=dict)
    stop_after: float | str | None = None

    def __post_init__(self) -> None:
        try:
            _ = self.stop_after_seconds
        except ValueError as error:
            raise ConfigurationError(
                f"OpSettings, stop_after: {error}",
                "Give seconds as a number, or a text such as 2h, 30m or 45s.",
            ) from error

    @property
    def stop_after_seconds(self) -> float | None:
        """When a migration in batches stops, in seconds; never if ``None``."""
        return None if self.stop_after is None else stop_seconds(self.stop_after)

    def over(self, general: OpSettings) -> OpSettings:
        """Return these settings, completed by the general ones where they are not set."""
        return replace(
            general,
            pool=self.pool or general.pool,
            retry_policy=self.retry_policy or general.retry_policy,
            op_tags={**general.op_tags, **self.op_tags},
            stop_after=self.stop_after or general.stop_after,
        )


def stop_seconds(value: float | str) -> float:
    """Return when a migration in batches stops, in seconds.

    Args:
        value: Seconds, or a text such as ``2h``.

    Raises:
        ValueError: It is no length of time, or none at all.

    Example:
        >>> [stop_seconds(value) for value in (90, "2h")]
        [90.0, 7200.0]
    """
    seconds = seconds_in(value) if isinstance(value, str) else float(value)
    if isinstance(value, bool) or not 0 < seconds < math.inf:
        raise ValueError(f"{value!r} is no time after which to stop.")
    return seconds
