"""Errors in the Dagster side of a project, and what sensors and schedules show of an error."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import AssetKey, BetaWarning

from delembic import DefinitionError, DelembicError, Revision
from delembic.errors import render_path


class TranslationError(DefinitionError):
    """A translator returned something that cannot become an asset or a check."""

    def __init__(
        self, revision: str, problem: str, remedy: str = "Correct the translator."
    ) -> None:
        super().__init__(f"The translation of {revision} {problem}", remedy)
        self.revision = revision


class AssetKeyTakenError(DefinitionError):
    """The translator gave two revisions the same asset key."""

    def __init__(self, key: AssetKey, first: str, second: str) -> None:
        super().__init__(
            f"The revisions {first} and {second} have the same asset key, {key.to_user_string()}.",
            "Change the translator so that each key contains its revision.",
        )
        self.key = key


class SelectionError(DefinitionError):
    """A selection is invalid, or cannot be used where it is given."""


class NoAssetForRevisionError(DefinitionError):
    """`DelembicResource` was called in an asset that does not represent the migration."""

    def __init__(self, revision: str | None = None) -> None:
        super().__init__(
            f"This asset represents no migration{f' {revision}' if revision else ''}.",
            "Define it as @multi_asset(specs=build_delembic_asset_specs(project)), or call the"
            " resource from an op.",
        )
        self.revision = revision


class DagsterSettingError(DefinitionError):
    """A setting for Dagster in a migration's ``meta`` is unknown or invalid.

    Args:
        revision: The migration.
        name: The setting, such as ``dagster.pool``.
        problem: What is wrong with it.
        value: The value that it has.
    """

    def __init__(self, revision: Revision, name: str, problem: str, value: object) -> None:
        super().__init__(
            f"{render_path(revision.path)}:{revision.line}: {revision.class_name}.meta, {name}:"
            f" {problem}"
            f" (it is {value!r}).",
            "Correct it: 'dagster' may contain deps (asset keys, such as raw/terms), kinds,"
            " op_tags, pool, retry_policy (with max_retries, delay in seconds, backoff and jitter)"
            " and, for a migration in batches, stop_after (seconds, or a text such as 2h).",
        )
        self.revision, self.name = revision.id, name


class RunInterruptedError(DelembicError):
    """The run was terminated, so no further migration is run in it."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The run was interrupted, so {revision} was not run.",
            "Start another run; it continues from here.",
        )
        self.revision = revision


@contextmanager
def without_causes() -> Iterator[None]:
    """Raise an error of delembic in a tick of a sensor or schedule without its causes.

    Dagster displays the causes of an error too, and a driver's message may contain a password.
    """
    try:
        yield
    except DelembicError as error:
        raise error from None


@contextmanager
def quiet_about_betas() -> Iterator[None]:
    """Suppress Dagster's beta warnings: users of delembic can do nothing about them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)
        yield
