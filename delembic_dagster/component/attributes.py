"""The attributes of a component that are more than one value, as its YAML has them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from dagster import DefaultScheduleStatus, Model, Resolvable, Resolver, RetryPolicy

from delembic_dagster.translation.class_settings import RetrySettings

_Statuses: TypeAlias = Literal["running", "stopped"]


class RetryAttributes(Resolvable, Model):
    """What to do about a migration that failed: `RetrySettings` in which there may be templates.

    Example:
        >>> RetryAttributes(max_retries=2, delay=30, backoff="exponential").policy().max_retries
        2
    """

    max_retries: Annotated[
        int, Resolver.default(description="How many times a failed migration is tried again.")
    ] = 1
    delay: Annotated[
        float | None, Resolver.default(description="Seconds to wait before it is tried again.")
    ] = None
    backoff: Annotated[
        Literal["linear", "exponential"] | None,
        Resolver.default(description="How the delay grows: linear or exponential."),
    ] = None
    jitter: Annotated[
        Literal["full", "plus_minus"] | None,
        Resolver.default(description="How chance varies the delay: full or plus_minus."),
    ] = None

    def policy(self) -> RetryPolicy:
        """Return the policy that is described.

        Raises:
            ValidationError: A number is too small.
        """
        return RetrySettings(**self.model_dump()).policy()


class OpAttributes(Resolvable, Model):
    """What applies to every op of a component alike.

    Example:
        >>> OpAttributes(pool="warehouse").pool
        'warehouse'
    """

    pool: Annotated[
        str | None,
        Resolver.default(
            description="The pool that limits how many migrations Dagster runs at the same time.",
            examples=["warehouse"],
        ),
    ] = None
    tags: Annotated[
        dict[str, Any] | None,
        Resolver.default(
            description="Tags for the ops, such as dagster-k8s/config.",
            examples=[{"dagster/priority": "3"}],
        ),
    ] = None
    retry_policy: Annotated[
        RetryAttributes | None,
        Resolver.default(
            description="What to do about a migration that failed. One that a retry cannot help is"
            " not tried again.",
            examples=[{"max_retries": 2, "delay": 30, "backoff": "exponential"}],
        ),
    ] = None


class ScheduleAttributes(Resolvable, Model):
    """When a component's job runs by itself.

    Example:
        >>> ScheduleAttributes(cron="0 5 * * *", default_status="running").status
        <DefaultScheduleStatus.RUNNING: 'RUNNING'>
    """

    cron: Annotated[
        str | list[str],
        Resolver.default(
            description="When, in cron's notation; of several, at the times of each.",
            examples=["0 5 * * *"],
        ),
    ]
    timezone: Annotated[
        str | None,
        Resolver.default(
            description="The time zone of cron; UTC if not set.", examples=["Europe/Berlin"]
        ),
    ] = None
    selection: Annotated[
        str | list[str] | None,
        Resolver.default(
            description="What a tick runs: revisions, tag:NAME, tag:NAME=VALUE, upto:REVISION, and"
            " pending. If not set, what is pending of all that the component shows.",
            examples=[["tag:nightly", "pending"]],
        ),
    ] = None
    name: Annotated[
        str | None,
        Resolver.default(
            description="The schedule's name; the job's with _schedule behind it if not set."
        ),
    ] = None
    default_status: Annotated[
        _Statuses,
        Resolver.default(
            description="Whether it runs before somebody has switched it on: running or stopped."
        ),
    ] = "stopped"

    @property
    def status(self) -> DefaultScheduleStatus:
        """The default status, as Dagster has it in Python."""
        return DefaultScheduleStatus[self.default_status.upper()]
