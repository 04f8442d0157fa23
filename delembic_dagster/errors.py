"""What can be wrong with the Dagster side of a project, and how much of a fault people see."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import AssetKey, BetaWarning

from delembic import DefinitionError, DelembicError, Revision
from delembic.errors import render_path


class TranslationError(DefinitionError):
    """A translator returned something that no asset or check can be made of."""

    def __init__(
        self, revision: str, problem: str, remedy: str = "Correct the translator."
    ) -> None:
        super().__init__(f"The translation of {revision} {problem}", remedy)
        self.revision = revision


class AssetKeyTakenError(DefinitionError):
    """The translator gave two revisions the same asset key."""

    def __init__(self, key: AssetKey, first: str, second: str) -> None:
        super().__init__(
            f"The revisions {first} and {second} both became the asset {key.to_user_string()}.",
            "Let the translator make a key that has the revision in it.",
        )
        self.key = key


class SelectionError(DefinitionError):
    """A selection asks for something that cannot be had where it is used."""


class NoAssetForRevisionError(DefinitionError):
    """`DelembicResource` was called in an asset that shows no such migration."""

    def __init__(self, revision: str | None = None) -> None:
        super().__init__(
            f"This asset stands for {f'no migration {revision}' if revision else 'no migration'}.",
            "Define it as @multi_asset(specs=build_delembic_asset_specs(project)), or call the"
            " resource from an op.",
        )
        self.revision = revision


class DagsterSettingError(DefinitionError):
    """What a migration's ``meta`` tells Dagster means nothing.

    Args:
        revision: Whose.
        name: The setting, such as ``dagster.pool``.
        problem: What is wrong with it.
        value: What it holds.
    """

    def __init__(self, revision: Revision, name: str, problem: str, value: object) -> None:
        super().__init__(
            f"{render_path(revision.path)}:{revision.line}: {revision.class_name}.meta, {name}:"
            f" {problem}"
            f" (it is {value!r}).",
            "Correct it: below 'dagster' there may be deps (asset keys, such as raw/terms), kinds,"
            " op_tags, pool and retry_policy (with max_retries, delay in seconds, backoff and"
            " jitter).",
        )
        self.revision, self.name = revision.id, name


class RunInterruptedError(DelembicError):
    """The run was terminated, so nothing more of it is run."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The run was interrupted, so {revision} is not run any more.",
            "Start another run, which goes on from here.",
        )
        self.revision = revision


@contextmanager
def without_causes() -> Iterator[None]:
    """Let an error of delembic end the tick of a sensor or schedule with its own text alone.

    Dagster shows the causes of an error too, and what a driver says may hold a password.
    """
    try:
        yield
    except DelembicError as error:
        raise error from None


@contextmanager
def quiet_about_betas() -> Iterator[None]:
    """Keep Dagster's warnings of its betas from those who use delembic, and cannot change it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)
        yield
