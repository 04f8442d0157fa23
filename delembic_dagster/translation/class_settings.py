"""What a migration's class tells Dagster, below ``meta["dagster"]``."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from dagster import AssetKey, Backoff, Jitter, RetryPolicy
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from delembic import Revision
from delembic_dagster.errors import DagsterSettingError
from delembic_dagster.translation.op_settings import OpSettings

META = "dagster"
"""The name in a migration's ``meta`` under which its settings for Dagster stand."""

_KeyText: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^/\s]+(/[^/\s]+)*$")]
"""An asset key as Dagster writes it for people: its parts with a slash between them."""


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


class DagsterMeta(BaseModel):
    """All that may stand below ``meta["dagster"]``.

    Attributes:
        deps: Assets upstream of the migration's own, besides those of the revisions that it
            depends on.
        kinds: Kinds to show it with, besides those of all.
        op_tags: See `delembic_dagster.OpSettings`, as for the next two.
        pool: The pool of its op.
        retry_policy: Of its op.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    deps: tuple[_KeyText, ...] = ()
    kinds: frozenset[str] = frozenset()
    op_tags: dict[str, JsonValue] = Field(default_factory=dict)
    pool: str | None = Field(default=None, pattern=r"^\S+$")
    retry_policy: RetrySettings | None = None

    @property
    def upstream_keys(self) -> list[AssetKey]:
        """The assets of ``deps``."""
        return [AssetKey.from_user_string(text) for text in self.deps]

    @property
    def op_settings(self) -> OpSettings:
        """What the migration sets for its op."""
        retry_policy = self.retry_policy.policy() if self.retry_policy else None
        return OpSettings(self.pool, retry_policy, self.op_tags)


_NOTHING = DagsterMeta()


def dagster_meta(revision: Revision) -> DagsterMeta:
    """Return what a migration tells Dagster.

    Raises:
        DagsterSettingError: Its ``meta`` has a name or a value that means nothing.
    """
    if META not in revision.meta:
        return _NOTHING
    try:
        return DagsterMeta.model_validate(revision.meta[META])
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in (META, *fault["loc"]))
        raise DagsterSettingError(revision, where, fault["msg"], fault["input"]) from error
