"""The attributes of a component that are mappings in its YAML."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from dagster import DefaultScheduleStatus, Model, Resolvable, Resolver, RetryPolicy

from delembic_dagster.translation.class_settings import RetrySettings

Statuses: TypeAlias = Literal["running", "stopped"]
"""The status of a schedule or sensor before anyone changes it."""


class RetryAttributes(Resolvable, Model):
    """How to retry a migration that failed: `RetrySettings` that may contain templates.

    Example:
        >>> RetryAttributes(max_retries=2, delay=30, backoff="exponential").policy().max_retries
        2
    """

    max_retries: Annotated[
        int, Resolver.default(description="How many times a failed migration is retried.")
    ] = 1
    delay: Annotated[
        float | None, Resolver.default(description="Seconds to wait before a retry.")
    ] = None
    backoff: Annotated[
        Literal["linear", "exponential"] | None,
        Resolver.default(description="How the delay grows: linear or exponential."),
    ] = None
    jitter: Annotated[
        Literal["full", "plus_minus"] | None,
        Resolver.default(description="How the delay is randomized: full or plus_minus."),
    ] = None

    def policy(self) -> RetryPolicy:
        """Return the policy that these attributes describe.

        Raises:
            ValidationError: A number is too small.
        """
        return RetrySettings(**self.model_dump()).policy()


class OpAttributes(Resolvable, Model):
    """The settings for every op of a component.

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
            description="How to retry a migration that failed. A failure that a retry cannot help"
            " is not retried.",
            examples=[{"max_retries": 2, "delay": 30, "backoff": "exponential"}],
        ),
    ] = None


class CronAttributes(Resolvable, Model):
    """When a job of a component runs on its own.

    Example:
        >>> CronAttributes(cron="0 5 * * *", default_status="running").status
        <DefaultScheduleStatus.RUNNING: 'RUNNING'>
    """

    cron: Annotated[
        str | list[str],
        Resolver.default(
            description="A cron expression, or several; the job runs at the times of each.",
            examples=["0 5 * * *"],
        ),
    ]
    timezone: Annotated[
        str | None,
        Resolver.default(
            description="The time zone of cron; UTC if not set.", examples=["Europe/Berlin"]
        ),
    ] = None
    default_status: Annotated[
        Statuses,
        Resolver.default(
            description="The schedule's status before anyone changes it: running or stopped."
        ),
    ] = "stopped"

    @property
    def status(self) -> DefaultScheduleStatus:
        """The default status as a member of Dagster's enum."""
        return DefaultScheduleStatus[self.default_status.upper()]


class ScheduleAttributes(CronAttributes):
    """The schedule of the job that runs a component's migrations.

    Example:
        >>> ScheduleAttributes(cron="0 5 * * *").selection is None
        True
    """

    selection: Annotated[
        str | list[str] | None,
        Resolver.default(
            description="What a tick runs: revisions, tag:NAME, tag:NAME=VALUE, upto:REVISION, and"
            " pending. If not set, all pending migrations of the component.",
            examples=[["tag:nightly", "pending"]],
        ),
    ] = None
    name: Annotated[
        str | None,
        Resolver.default(
            description="The schedule's name; the job's name followed by _schedule if not set."
        ),
    ] = None
