"""The settings for Dagster in a migration's class, under ``meta["dagster"]``."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from dagster import AssetKey, Backoff, Jitter, RetryPolicy
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)

from delembic import Revision
from delembic_dagster.errors import DagsterSettingError
from delembic_dagster.translation.op_settings import OpSettings, stop_seconds

META = "dagster"
"""The name of the settings for Dagster in a migration's ``meta``."""

_KeyText: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^/\s]+(/[^/\s]+)*$")]
"""An asset key as Dagster displays it: its parts, separated by slashes."""


def _stop_seconds(value: object) -> float:
    if not isinstance(value, float | int | str):
        raise ValueError("It is neither a number of seconds nor a text such as 2h.")  # noqa: TRY004 - pydantic reports this class only
    return stop_seconds(value)


_StopSeconds: TypeAlias = Annotated[float, BeforeValidator(_stop_seconds)]


class RetrySettings(BaseModel):
    """A `dagster.RetryPolicy` in plain values, as in ``meta`` and YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_retries: int = Field(default=1, ge=1, description="How many times to retry.")
    delay: float | None = Field(default=None, ge=0, description="Seconds to wait before a retry.")
    backoff: Literal["linear", "exponential"] | None = Field(
        default=None, description="How the delay grows from one retry to the next."
    )
    jitter: Literal["full", "plus_minus"] | None = Field(
        default=None, description="How the delay is randomized."
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
    """The settings under ``meta["dagster"]``.

    Attributes:
        deps: Assets upstream of the migration's asset, besides those of the revisions that it
            depends on.
        kinds: Kinds of the asset, besides those that all migrations have.
        op_tags: Tags of the op; see `delembic_dagster.OpSettings`.
        pool: The pool of the op; see `delembic_dagster.OpSettings`.
        retry_policy: The retry policy of the op; see `delembic_dagster.OpSettings`.
        stop_after: When a migration in batches stops; see `delembic_dagster.OpSettings`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    deps: tuple[_KeyText, ...] = ()
    kinds: frozenset[str] = frozenset()
    op_tags: dict[str, JsonValue] = Field(default_factory=dict)
    pool: str | None = Field(default=None, pattern=r"^\S+$")
    retry_policy: RetrySettings | None = None
    stop_after: _StopSeconds | None = None

    @property
    def upstream_keys(self) -> list[AssetKey]:
        """The asset keys in ``deps``."""
        return [AssetKey.from_user_string(text) for text in self.deps]

    @property
    def op_settings(self) -> OpSettings:
        """The op settings of the migration."""
        retry_policy = self.retry_policy.policy() if self.retry_policy else None
        return OpSettings(self.pool, retry_policy, self.op_tags, self.stop_after)


_NOTHING = DagsterMeta()


def dagster_meta(revision: Revision) -> DagsterMeta:
    """Return the settings for Dagster in a migration's class.

    Raises:
        DagsterSettingError: A setting in ``meta`` is unknown, invalid or without effect.
    """
    if META not in revision.meta:
        return _NOTHING
    try:
        meta = DagsterMeta.model_validate(revision.meta[META])
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in (META, *fault["loc"]))
        raise DagsterSettingError(revision, where, fault["msg"], fault["input"]) from error
    if meta.stop_after is not None and not revision.batched:
        problem = "Only a BatchedMigration can stop before its end"
        raise DagsterSettingError(revision, f"{META}.stop_after", problem, meta.stop_after)
    return meta
