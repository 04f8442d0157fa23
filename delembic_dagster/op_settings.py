"""How Dagster executes one migration: what is a property of its op, not of its asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dagster import Backoff, Jitter, RetryPolicy
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from delembic import Revision
from delembic_dagster.errors import DagsterSettingError

META = "dagster"
"""The name in a migration's ``meta`` under which its settings for Dagster stand."""


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


class RetrySettings(BaseModel):
    """A `dagster.RetryPolicy` in plain values, as ``meta`` and YAML hold it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_retries: int = Field(default=1, ge=1, description="How many times to try again.")
    delay: float | None = Field(default=None, ge=0, description="Seconds to wait before it.")
    backoff: Literal["linear", "exponential"] | None = Field(
        default=None, description="How the delay grows from one retry to the next."
    )
    jitter: Literal["full", "plus_minus"] | None = Field(
        default=None, description="How chance varies the delay."
    )

    def policy(self) -> RetryPolicy:
        """Return the policy that these settings describe."""
        waits = self.delay is not None
        return RetryPolicy(
            max_retries=self.max_retries,
            delay=self.delay,
            backoff=Backoff[self.backoff.upper()] if self.backoff and waits else None,
            jitter=Jitter[self.jitter.upper()] if self.jitter and waits else None,
        )


class _Meta(BaseModel):
    """All that may stand below ``meta["dagster"]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: frozenset[str] = frozenset()
    op_tags: dict[str, JsonValue] = Field(default_factory=dict)
    pool: str | None = Field(default=None, pattern=r"^\S+$")
    retry_policy: RetrySettings | None = None


def op_settings(revision: Revision) -> OpSettings:
    """Return what a migration sets for its op.

    Raises:
        DagsterSettingError: Its ``meta`` has a name or a value that means nothing.
    """
    meta = _meta(revision)
    retry_policy = meta.retry_policy.policy() if meta.retry_policy else None
    return OpSettings(meta.pool, retry_policy, meta.op_tags)


def kinds(revision: Revision) -> frozenset[str]:
    """Return the kinds that a migration wants to be shown with, besides those of all.

    Raises:
        DagsterSettingError: Its ``meta`` has a name or a value that means nothing.
    """
    return _meta(revision).kinds


_NOTHING = _Meta()


def _meta(revision: Revision) -> _Meta:
    if META not in revision.meta:
        return _NOTHING
    try:
        return _Meta.model_validate(revision.meta[META])
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in (META, *fault["loc"]))
        raise DagsterSettingError(revision, where, fault["msg"], fault["input"]) from error
